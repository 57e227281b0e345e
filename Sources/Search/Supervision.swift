/// What is asked at each boundary while a section is explored: how far it is, and whether it is to end before it is complete.
///
/// A section that ends so keeps what it found; of what it did not break it says nothing.
package struct Supervision: Sendable {
  /// Guest instructions, baseline and trials together, after which the section ends.
  var bound: Int
  /// A reason to end now.
  var reason: @Sendable () -> String?
  /// Hears the boundary whose events are tried, how many boundaries there are, and how many paths were tried.
  var progress: @Sendable (_ boundary: Int, _ boundaries: Int, _ paths: Int) -> Void

  /// Some hours; a hundred times what the longest crossing of Debian's kernels takes.
  package static let standardBound = 1_000_000_000_000

  package init(
    bound: Int = Supervision.standardBound, reason: @escaping @Sendable () -> String? = { nil },
    progress: @escaping @Sendable (Int, Int, Int) -> Void = { _, _, _ in }
  ) {
    self.bound = bound
    self.reason = reason
    self.progress = progress
  }

  /// Why the section ends at this boundary; nil when it goes on.
  func end(at boundary: Int, of boundaries: Int, spent: Int, paths: Int) -> String? {
    progress(boundary, boundaries, paths)
    let place = "at boundary \(boundary) of \(boundaries)"
    if let reason = reason() { return "\(reason), \(place)" }
    guard spent >= bound else { return nil }
    return "\(bound / 1_000_000) million instructions were spent \(place) (--section-bound sets another bound)"
  }
}
