/// What user mode sees depends neither on what the kernel keeps secret nor on where the kernel is.
///
/// CVE-2009-2910, CVE-2014-8133, CVE-2019-5595: registers and stack words of the kernel that reached user mode.
import Findings

/// An address of the kernel's that user mode has.
public struct KernelAddress: Sendable, Hashable {
  public var value: UInt64
  /// A register, or where in the user's memory.
  public var place: String
  /// The latter as a number.
  public var linear: UInt64?

  public init(value: UInt64, place: String, linear: UInt64? = nil) {
    self.value = value
    self.place = place
    self.linear = linear
  }
}

struct NoLeak: Monitor {
  static let description = InvariantDescription(
    identifier: "no-leak",
    claim: "User mode sees nothing that depends on what is left on the kernel's stacks, or on where the kernel is.",
    why:
      "The crossing is run again with different bytes in the unused part of the kernel's stack, and of the stacks that the "
      + "task state segment names, and with the stack at another place. If anything that the user can see differs, kernel memory reached it, or an "
      + "address. So it did where user mode has a value, in a register or in memory, that it had not before and at which "
      + "the kernel has a page that is out of its reach: with it the kernel is found, wherever it was loaded.",
    citation:
      "AMD APM vol. 2, \"Long-Mode Stack Switches\"; Linux Documentation/security/self-protection.rst, \"Kernel "
      + "addresses\"; CVE-2009-2910; CVE-2019-5595",
    specimens: ["ablation frame-slot-unwritten"])

  func goesOn(as other: NoLeak) -> Bool { true }

  func judge(_ run: Outcome) -> Violation? {
    guard let view = run.view else { return nil }
    if let address = run.kernelAddress {
      return Violation(
        "user mode is given \(hex(address.value)), an address of the kernel's, in \(address.place)", at: view.rip)
    }
    if let difference = run.secretView?.difference(from: view) {
      return Violation("user mode depends on what was left on the kernel's stacks: \(difference)", at: view.rip)
    }
    return run.movedView?.difference(from: view).map {
      Violation("user mode depends on where the kernel's stack is: \($0)", at: view.rip)
    }
  }
}
