/// A kernel of a few bytes for tests that need a domain: linked at VIRT_BASE, with the notes of a real one.
import Machine
import Testing
import XenPV

enum SmallKernel {
  static let base: UInt64 = 0xFFFF_FFFF_8000_0000

  static func number(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
  static func text(_ value: String) -> [UInt8] { Array(value.utf8) + [0] }

  /// Linux's notes without the ones about its own layout.
  static var notes: [UInt32: [UInt8]] {
    [
      1: number(base), 3: number(base), 5: text("xen-3.0"), 8: text("generic"),
      10: text("!writable_page_tables|pae_pgdir_above_4gb"),
    ]
  }

  static func kernel(
    code: [UInt8] = [0x0F, 0x0B], pages: UInt64 = 16, at physical: UInt64 = 0, notes: [UInt32: [UInt8]] = notes
  ) -> GuestKernel {
    GuestKernel(
      entry: base &+ physical,
      segments: [.init(physicalAddress: physical, bytes: code[...], memorySize: pages << 12)],
      notes: notes.sorted { $0.key < $1.key }.map { .init(type: $0.key, descriptor: $0.value) })
  }

  /// A domain that stands at its kernel's first instruction.
  static func computer(
    _ kernel: GuestKernel = kernel(), megabytes: Int = 16, module: [UInt8]? = nil, isPrivileged: Bool = false
  ) throws -> XenPVComputer {
    let computer = try #require(XenPVComputer(memorySize: megabytes << 20, profile: .intel))
    try computer.build(kernel, module: module, commandLine: "console=hvc0", isPrivileged: isPrivileged)
    return computer
  }
}
