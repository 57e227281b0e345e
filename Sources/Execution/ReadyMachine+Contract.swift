/// What a crossing may change of the user's state, read off the machine that stands at it.
///
/// `Probe/README.md`, "With Limen": which call the probe makes, and where its signal handlers are.
import Findings
import Invariants
import Machine
import Platform
import Subjects

extension ReadyMachine {
  /// To be asked at the crossing.
  package func contract(_ crossing: CrossingKind) -> CrossingContract {
    let rsp = computer.processor[.rsp]
    return CrossingContract(
      crossing, on: computer.platform, before: userView(),
      result: crossing == .sigreturn ? nil : word(at: "limen_result"),
      asked: crossing == .sigreturn ? frame(at: rsp) : nil, handlers: probe.signalHandlers)
  }

  /// The frame that a signal's handler finds, at the end of a run that came back: sigaction(2), SA_SIGINFO, has it in RDX.
  package func signalFrame(_ outcome: Outcome) -> SignalFrame? {
    outcome.view.flatMap { frame(at: $0.registers[GeneralRegister.rdx.rawValue]) }
  }

  /// Nil where the user cannot read one.
  private func frame(at address: UInt64) -> SignalFrame? {
    let processor = computer.processor
    guard processor.isUserReachable(address &+ 8, tables: processor.cr3) else { return nil }
    return SignalFrame(context: processor.bytes(atLinear: address, count: SignalFrame.size))
  }

  private func word(at symbol: String) -> UInt64? {
    guard let address = try? probe.address(symbol) else { return nil }
    return computer.processor.word(atLinear: address)
  }
}
