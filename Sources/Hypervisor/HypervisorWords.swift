/// What Xen says on its console when it comes to its end, or ends its domain.
///
/// Xen `xen/drivers/char/console.c`, `panic`; `xen/arch/x86/traps.c`, `fatal_trap`, `do_page_fault`, `do_invalid_op`;
/// `xen/common/domain.c`, `__domain_crash`; `xen/arch/x86/traps.c`, `asm_domain_crash_synchronous`.

/// Reads the console, line by line.
public struct HypervisorWords: Sendable {
  private var line: [UInt8] = []
  /// Why it gives up: what its panic says.
  private var panic: String?
  /// What came before it panicked: a BUG, a failed assertion, a trap of its own.
  private var cause: String?
  /// How it ended its domain.
  private var domain: String?
  /// The domain asked for its own crash: `SHUTDOWN_crash` in Xen's public/sched.h.
  public private(set) var domainGaveUp = false
  /// The line before.
  private var previous = ""
  private var reasonIsNext = false

  private static let prefix = "(XEN) "
  private static let causes = ["Xen BUG at", "Assertion '", "FATAL TRAP", "FATAL PAGE FAULT"]

  public init() {}

  public mutating func hear(_ byte: UInt8) {
    guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else {
      // Nobody's line is longer.
      if line.count < 1024 { line.append(byte) }
      return
    }
    if !line.isEmpty { read(String(decoding: line, as: UTF8.self)) }
    line.removeAll(keepingCapacity: true)
  }

  private mutating func read(_ text: String) {
    guard text.hasPrefix(Self.prefix) else { return }
    var words = text.dropFirst(Self.prefix.count)
    // The time, where `console_timestamps` asks for it.
    if words.first == "[", let end = words.firstIndex(of: "]") { words = words[end...].dropFirst().drop { $0 == " " } }
    let said = String(words)
    if said.isEmpty || said.allSatisfy({ $0 == "*" }) { return }
    if reasonIsNext {
      panic = panic ?? said
      reasonIsNext = false
    } else if said.hasPrefix("Panic on CPU") {
      reasonIsNext = panic == nil
    } else {
      if Self.causes.contains(where: said.hasPrefix) { cause = cause ?? said }
      if said.contains("domain_crash") || said.hasPrefix("Domain ") && said.contains(" crashed on ") {
        domain = domain ?? said
      }
      if said.hasPrefix("Hardware Dom0 crashed") { domainGaveUp = true }
      if panic == nil { previous = said }
    }
  }

  /// Who died and of what, in a sentence that begins with the hypervisor; nil where it said nothing of the kind.
  public var death: String? {
    if let panic {
      let before = cause ?? previous
      return "the hypervisor died: \(panic)" + (before.isEmpty ? "" : "; before that it said: \(before)")
    }
    if let cause { return "the hypervisor died: \(cause)" }
    return domain.map { "the hypervisor ended its domain: \($0)" }
  }
}
