/// What a kernel says of its interrupts: the claims of its image, and the record that it keeps while it runs.
///
/// Linux `kernel/locking/lockdep.c`, `hardirqs_enabled`: with CONFIG_TRACE_IRQFLAGS the kernel notes in a variable what its
/// entry code tells it. Documentation/Designs.md describes the claims.
import KernelImage
import Machine

package struct KernelClaims: Sendable {
  private var claims: [InterruptClaim] = []
  /// Where the byte lies in which the kernel keeps the state.
  private var record: UInt64?

  package init() {}

  init(_ kernel: KernelImage) {
    claims = kernel.claims
    // A per-CPU variable is an offset, of type A, and no address.
    if let symbol = kernel.symbols.symbol(named: "hardirqs_enabled"), "bBdD".contains(symbol.type) {
      record = symbol.address
    }
  }

  package var isEmpty: Bool { claims.isEmpty }

  /// The code for which interrupts are claimed to be on.
  var codeWithInterruptsOn: [Range<UInt64>] { claims.filter(\.areOn).map(\.addresses) }

  /// The state that the code at the address takes for granted; nil where it claims nothing. The later of two claims holds.
  package func areOn(at address: UInt64) -> Bool? {
    claims.last { $0.addresses.contains(address) }?.areOn
  }

  /// The state that the kernel has noted; nil where it keeps no record, or where that is not mapped.
  package func tracedOn(_ processor: Processor) -> Bool? {
    guard let record, let byte = processor.byte(atLinear: record) else { return nil }
    return byte != 0
  }
}
