/// Which handlers user mode reaches by INT n, asked of the machine: the instruction is put where the crossing is, and executed, for each vector.
///
/// SDM vol. 2A, "INT n/INTO/INT3/INT1": a gate of less privilege than the program has is #GP, with the vector in the error code.
///
/// Not modelled: what a kernel makes of INT n by FRED, where no gate decides; another vector than 80H that a kernel keeps for its programs.
import Findings
import Invariants
import Machine
import Platform
import Subjects

extension ReadyMachine {
  /// #BP, #OF, and the system calls of 32-bit programs: Linux arch/x86/kernel/idt.c, SYSG.
  private static let gatesOfPrograms: Set<UInt8> = [3, 4, 0x80]

  /// To be asked at the crossing, to which the machine comes back. The first that is open and should not be; nil where all are as they
  /// should be, or nothing can be said.
  package func openGate() -> OpenGate? {
    let processor = computer.processor
    if whyUnasked(Monitors.gatesClosed) != nil { return nil }
    var open: (vector: UInt8, handler: UInt64)?
    var count = 0
    processor.isWatched = true
    for vector in UInt8.min...UInt8.max where !Self.gatesOfPrograms.contains(vector) {
      computer.restore()
      guard let handler = handlerReached(by: vector) else { continue }
      open = open ?? (vector, handler)
      count += 1
    }
    computer.restore()
    processor.clearTransitions()
    return open.map { OpenGate(vector: $0.vector, handler: $0.handler, others: count - 1) }
  }

  /// The first instruction of the vector's handler, where INT of the vector leads to it and not to #GP.
  private func handlerReached(by vector: UInt8) -> UInt64? {
    let processor = computer.processor
    // What is due before comes first.
    guard !computer.isInKernel, !computer.isEventDue, !processor.debugTrapIsDue,
      processor.write([0xCD, vector], atLinear: processor.rip)
    else { return nil }
    processor.clearTransitions()
    guard case .budget = computer.takeStep() else { return nil }
    // The processor pushes no error code for INT n, whatever the vector.
    for transition in processor.transitions {
      guard transition.kind == .event, let delivered = transition.delivery else { continue }
      return delivered.vector == vector && delivered.errorCode == nil ? processor.rip : nil
    }
    return nil
  }
}
