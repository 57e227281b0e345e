/// Crossings that the probe does not make: where it stands at one of its own, the instruction there becomes another one, and the user's registers are what
/// that needs. So the probe stays what every kernel boots with.
///
/// SDM vol. 3A, "Exception and Interrupt Reference": #OF, #SS, #MF, #AC, #XM; vol. 2A, "INT n/INTO/INT3/INT1"; vol. 1, "x87 FPU Floating-Point
/// Exception Handling", "Handling SIMD Floating-Point Exceptions in Software".
import Findings
import Machine
import Platform

enum FurtherCrossing: String, CaseIterable {
  /// INT 4. 64-bit code has no INTO, and the gate is open to INT n all the same.
  case overflow = "of"
  /// A load from the stack segment, by an address in RBP that is not canonical. So RSP is free for the postures.
  case stackFault = "ss"
  /// A load from an odd address with RFLAGS.AC set.
  case alignment = "ac"
  /// FWAIT behind a division by zero that nothing masks.
  case floatingPoint = "mf"
  /// A DIVSS by zero that nothing masks.
  case vectorFloatingPoint = "xm"

  init?(_ crossing: CrossingKind) { self.init(rawValue: crossing.rawValue) }

  /// The probe's crossing in whose place it is made: any exception's is left in the same state.
  private static let place: CrossingKind = .gp

  /// What the probe itself is asked for.
  static func given(_ crossing: CrossingKind) -> CrossingKind { Self(crossing) == nil ? crossing : place }

  fileprivate var instruction: [UInt8] {
    switch self {
    case .overflow: [0xCD, 0x04]
    case .stackFault: [0x8B, 0x45, 0x00]  // MOV EAX, [RBP]
    case .alignment: [0x8B, 0x07]  // MOV EAX, [RDI]
    case .floatingPoint: [0x9B]
    case .vectorFloatingPoint: [0xF3, 0x0F, 0x5E, 0xC1]  // DIVSS XMM0, XMM1
    }
  }

  /// What the user program executes before it. The control words are loaded from where MOV has them in its own bytes.
  fileprivate var preparation: [UInt8] {
    switch self {
    case .overflow, .stackFault, .alignment: []
    case .floatingPoint:
      [0xDB, 0xE3]  // FNINIT
        + [0xB8, 0x7B, 0x03, 0x00, 0x00]  // MOV EAX, 37BH: all masked but ZM
        + [0xD9, 0x2D, 0xF6, 0xFF, 0xFF, 0xFF]  // FLDCW [RIP - 10]
        + [0xD9, 0xE8, 0xD9, 0xEE, 0xDE, 0xF9]  // FLD1; FLDZ; FDIVP
    case .vectorFloatingPoint:
      [0xB8, 0x00, 0x00, 0x80, 0x3F, 0x66, 0x0F, 0x6E, 0xC0]  // MOV EAX, 1.0; MOVD XMM0, EAX
        + [0x0F, 0x57, 0xC9]  // XORPS XMM1, XMM1
        + [0xB8, 0x80, 0x1D, 0x00, 0x00]  // MOV EAX, 1D80H: all masked but ZM
        + [0x0F, 0xAE, 0x15, 0xF5, 0xFF, 0xFF, 0xFF]  // LDMXCSR [RIP - 11]
    }
  }

  /// The bit of a control register that the kernel must set, or there is no such exception.
  fileprivate var enabling: (name: String, isSet: (Processor) -> Bool)? {
    switch self {
    case .overflow, .stackFault: nil
    case .alignment: ("CR0.AM", { $0.cr0 & CR0.alignmentMask != 0 })
    case .floatingPoint: ("CR0.NE", { $0.cr0 & CR0.numericError != 0 })
    case .vectorFloatingPoint: ("CR4.OSXMMEXCPT", { $0.cr4 & CR4.unmaskedSIMDExceptions != 0 })
    }
  }
}

extension ReadyMachine {
  /// An address between the halves of all that are canonical.
  private static let nonCanonical: UInt64 = 0x0000_8000_0000_0000

  /// The machine stands at the crossing in whose place the other one is made.
  func setUp(_ crossing: FurtherCrossing) throws {
    let processor = computer.processor
    if !crossing.preparation.isEmpty { try execute(crossing.preparation, with: [:], for: crossing.rawValue) }
    guard processor.write(crossing.instruction, atLinear: processor.rip) else {
      throw Stop(verdict: .inconclusive(bound: "the instruction of \(crossing.rawValue) has no place"))
    }
    switch crossing {
    case .stackFault: processor[.rbp] = Self.nonCanonical
    case .alignment:
      processor[.rdi] = processor.rip | 1
      processor.rflags.insert(.alignmentCheck)
    case .overflow, .floatingPoint, .vectorFloatingPoint: break
    }
  }

  /// Why the processor, as the kernel has set it up, makes no such exception; nil where it does.
  func obstacle(to crossing: FurtherCrossing) -> String? {
    guard let enabling = crossing.enabling, !enabling.isSet(computer.processor) else { return nil }
    return
      "the kernel leaves \(enabling.name) clear, without which the exception of \(crossing.rawValue) does not exist"
  }
}
