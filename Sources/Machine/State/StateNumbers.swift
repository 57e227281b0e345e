/// Numbers for states, so that comparing two takes no time: equal numbers mean equal states. A state that was not met for long gets a
/// new number.
///
/// Inlinable, so that a platform in another room compares its own states and asks nobody how that is done.
public struct StateNumbers<State: Equatable> {
  @usableFromInline var known: [(state: State, number: Int)] = []
  @usableFromInline var next = 0

  /// States that are remembered.
  @inlinable static var capacity: Int { 16 }

  public init() {}

  @inlinable public mutating func number(of state: State) -> Int {
    if let last = known.last, last.state == state { return last.number }
    if let place = known.dropLast().lastIndex(where: { $0.state == state }) {
      let found = known.remove(at: place)
      known.append(found)
      return found.number
    }
    if known.count == Self.capacity { known.removeFirst() }
    known.append((state, next))
    next += 1
    return next - 1
  }
}
