/// What only a host does that means harm, to a guest that trusts its processor and not its host (`limen check --host malicious`).
///
/// Interrupts with vectors that nobody assigned come by the local APIC, as posted interrupts do: CVE-2024-25744. One past IF comes by the event
/// injection of SVM, which no mask keeps out (AMD APM vol. 2, "Event Injection"); VMX refuses to enter the guest so (SDM vol. 3C, "Checks on
/// Guest RIP, RFLAGS, and SSP"). #VC comes at whatever touches memory that the host has taken away, an instruction's own bytes among it (AMD APM vol. 2,
/// "VMM Communication Exception"; AMD-SB-3008 calls it malicious #VC): at every boundary of a kernel that has a handler for it.
///
/// Not modelled: #VE that the host provokes, other exceptions that SVM would inject, interrupts that are suppressed for good.
import Findings
import Machine
import Platform

extension BareMetalComputer {
  /// Above what kernels give to devices first, below those for themselves.
  private static let unassigned: UInt8 = 0xC1

  func obstacle(toHost event: EventKind) -> Arrival? {
    switch event {
    case .hostMaskedInterrupt:
      guard processor.profile.vendor == .amd, board.canRaiseTimerInterrupt else { return .noSource }
      // Where IF lets it in it is the interrupt that every host may send.
      return interruptsOpen || processor.shadow == .movSS ? .noSource : nil
    case .hostVC:
      guard processor.profile.vendor == .amd, !processor.deliversByFRED,
        processor.isGatePresent(of: .vmmCommunication) == true
      else { return .noSource }
      return processor.debugTrapIsDue || processor.shadow == .movSS ? .masked : nil
    default:
      if !processor.canTakeInterrupt || processor.debugTrapIsDue { return .masked }
      var copy = board
      copy.deliverInterruptMessage(vector: vector(ofHost: event))
      return copy.interruptRequest && copy.acknowledgeInterrupt() == vector(ofHost: event) ? nil : .noSource
    }
  }

  func injectHost(_ event: EventKind) -> ComputerEnd {
    if event == .hostVC { return ComputerEnd(deliver { $0.deliverVMMCommunication() }) }
    guard event == .hostMaskedInterrupt else {
      board.deliverInterruptMessage(vector: vector(ofHost: event))
      return takeStep()
    }
    var copy = board
    copy.raiseTimer()
    let vector = copy.acknowledgeInterrupt()
    return ComputerEnd(deliver { $0.deliverInterruptUnasked(Vector(vector)) })
  }

  private func vector(ofHost event: EventKind) -> UInt8 { event == .hostVector80 ? 0x80 : Self.unassigned }
}
