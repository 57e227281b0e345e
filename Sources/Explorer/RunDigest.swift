/// What happened in a run as one number, so that runs can be told apart: two with equal digests had the same transitions at the same
/// boundaries, and ended alike.
///
/// What enters is named in Documentation/Formats.md, "distinct". FNV-1a (Fowler, Noll, Vo) over words of 64 bits, with a shift that lets
/// the upper half reach the lower.
import Invariants
import Machine

struct RunDigest: Hashable, Sendable {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x0000_0100_0000_01B3
    value ^= value >> 32
  }

  mutating func add(_ text: String) {
    for byte in text.utf8 { add(UInt64(byte)) }
    add(UInt64(text.utf8.count))
  }

  /// A transition, and the boundary that it led to.
  mutating func add(_ transition: Transition, at boundary: Int) {
    add(UInt64(transition.kind.rawValue) | UInt64(boundary) << 8)
    add(transition.rip)
    add(transition.after.rsp)
    add(transition.after.gsBase)
    add(transition.after.cr3)
    add(transition.after.isKernel ? 1 : 0)
    guard let delivery = transition.delivery else { return }
    add(delivery.vector.map { UInt64($0) } ?? 0x100 | UInt64(delivery.platformKind))
    add(delivery.errorCode.map { UInt64($0) + 1 } ?? 0)
    add(delivery.frame)
  }

  /// The end, and what user mode sees there.
  mutating func add(_ end: RunEnd, _ view: UserView?) {
    switch end {
    case .user: add(0)
    case .bound(let steps): add(1 | steps << 2)
    case .dead(let how):
      add(2)
      add(how)
    case .unsupported(let what):
      add(3)
      add(what)
    }
    guard let view else { return }
    for register in view.registers { add(register) }
    add(view.rip)
    add(view.rflags.rawValue)
    for selector in view.selectors { add(UInt64(selector)) }
    for attributes in view.attributes { add(UInt64(attributes)) }
    add(view.fsBase)
    add(view.gsBase)
    for register in view.debugRegisters { add(register) }
    add(view.vectors)
    for page in view.memory {
      add(page.linear)
      add(page.digest)
    }
  }
}
