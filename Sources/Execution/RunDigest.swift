/// What happened in a run as one number, so that runs can be told apart: two with equal digests had the same transitions in the same
/// order, and ended alike.
///
/// What enters is named in Documentation/Formats.md, "distinct"; an invalidation of translations is none of it. The transitions are the
/// coefficients of a polynomial over integers modulo 2^64, so that the digest of a run follows from those of its pieces. Each coefficient is FNV-1a (Fowler, Noll, Vo) over words
/// of 64 bits, with a shift that lets the upper half reach the lower.
import Invariants
import Machine

package struct RunDigest: Hashable, Sendable {
  private(set) var value: UInt64 = 0
  /// Transitions that it is of.
  private(set) var count = 0

  /// An odd number whose powers are far apart: the fractional part of the golden ratio.
  private static let base: UInt64 = 0x9E37_79B9_7F4A_7C15

  mutating func add(_ transition: Transition) {
    var words = WordDigest()
    words.add(UInt64(transition.kind.rawValue))
    words.add(transition.rip)
    words.add(transition.after.rsp)
    words.add(transition.after.gsBase)
    words.add(transition.after.cr3)
    words.add(transition.after.isKernel ? 1 : 0)
    if let delivery = transition.delivery {
      words.add(delivery.vector.map { UInt64($0) } ?? 0x100 | UInt64(delivery.platformKind))
      words.add(delivery.errorCode.map { UInt64($0) + 1 } ?? 0)
      words.add(delivery.frame)
    }
    value = value &* Self.base &+ words.value
    count += 1
  }

  /// What came behind `start`, which this digest began with.
  package func rest(behind start: RunDigest) -> RunDigest {
    var rest = RunDigest()
    rest.count = count - start.count
    rest.value = value &- start.value &* Self.power(rest.count)
    return rest
  }

  package mutating func append(_ rest: RunDigest) {
    value = value &* Self.power(rest.count) &+ rest.value
    count += rest.count
  }

  private static func power(_ exponent: Int) -> UInt64 {
    var (result, square, left): (UInt64, UInt64, Int) = (1, base, exponent)
    while left > 0 {
      if left & 1 == 1 { result &*= square }
      square &*= square
      left >>= 1
    }
    return result
  }

  /// The whole run, as it ended: see `ending`.
  package func closed(by ending: UInt64) -> UInt64 {
    var words = WordDigest()
    words.add(value)
    words.add(UInt64(count))
    words.add(ending)
    return words.value
  }

  /// The end of a run, and what user mode sees there.
  package static func ending(_ end: RunEnd, _ view: UserView?) -> UInt64 {
    var words = WordDigest()
    switch end {
    case .user: words.add(0)
    case .bound(let steps): words.add(1 | steps << 2)
    case .dead(let how):
      words.add(2)
      words.add(how)
    case .unsupported(let what):
      words.add(3)
      words.add(what)
    }
    guard let view else { return words.value }
    for register in view.registers { words.add(register) }
    words.add(view.rip)
    words.add(view.rflags.rawValue)
    for selector in view.selectors { words.add(UInt64(selector)) }
    for attributes in view.attributes { words.add(UInt64(attributes)) }
    words.add(view.fsBase)
    words.add(view.gsBase)
    for register in view.debugRegisters { words.add(register) }
    words.add(view.vectors)
    for page in view.memory {
      words.add(page.linear)
      words.add(page.digest)
    }
    return words.value
  }
}
