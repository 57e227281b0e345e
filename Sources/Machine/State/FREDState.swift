/// The registers of flexible return and event delivery, and the words of its frame.
///
/// SDM, "ERETS", "ERETU"; Xen arch/x86/include/asm/msr-index.h and public headers, Linux arch/x86/include/asm/fred.h, Bochs
/// cpu/fred.cc and cpu/msr.cc: `Documentation/FRED.md` says which rule rests on which.
///
/// Not modelled: shadow stacks (the registers that name them hold what was written), NMI-source reporting,
/// the event data of #NM that XFD makes, that a #DB may leave DR6 as it was: a kernel that reads it instead of the event data finds the same in both.

/// The FRED model-specific registers.
public struct FREDRegisters: Sendable {
  /// IA32_FRED_CONFIG. Bits 1 to 0 are the current stack level.
  public internal(set) var configuration: UInt64 = 0
  /// IA32_FRED_STKLVLS: two bits for each of the vectors 0 to 31.
  public internal(set) var stackLevels: UInt64 = 0
  /// IA32_FRED_RSP0 to 3.
  public internal(set) var stacks = InlineArray<4, UInt64>(repeating: 0)
  /// IA32_PL0_SSP, which is level 0's, and IA32_FRED_SSP1 to 3.
  var shadowStacks = InlineArray<4, UInt64>(repeating: 0)

  /// CSL: the level of the stack that privilege 0 runs on, 0 to 3.
  public internal(set) var level: UInt8 {
    get { UInt8(truncatingIfNeeded: configuration & 3) }
    set { configuration = configuration & ~3 | UInt64(newValue) }
  }

  /// Bytes below RSP that an event leaves alone where the stack stays.
  var redZone: UInt64 { configuration & 0x1C0 }
  /// Where events of user mode lead; those of privilege 0 lead 256 bytes further.
  var entry: UInt64 { configuration & ~0xFFF }

  /// The stack level that an event asks for.
  func level(of vector: Vector, _ type: FREDEvent.Kind) -> UInt8 {
    switch type {
    case .externalInterrupt: UInt8(truncatingIfNeeded: configuration >> 9 & 3)
    case .nmi, .hardwareException, .privilegedInterrupt, .softwareException:
      UInt8(truncatingIfNeeded: stackLevels >> (UInt64(vector.rawValue & 31) * 2) & 3)
    case .softwareInterrupt, .other: 0
    }
  }
}

/// What FRED's frame says of an event besides its vector.
struct FREDEvent {
  /// Bits 51 to 48 of the word with SS.
  enum Kind: UInt8 {
    case externalInterrupt = 0
    case nmi = 2
    case hardwareException = 3
    /// INT n.
    case softwareInterrupt = 4
    /// INT1.
    case privilegedInterrupt = 5
    /// INT3 and INTO.
    case softwareException = 6
    /// SYSCALL, "vector" 1, and SYSENTER, 2.
    case other = 7

    /// ERETU and ERETS make up for the single-step trap that the event's own instruction did not have.
    var isSoftwareEvent: Bool { self == .softwareInterrupt || self == .other }
    /// The frame has the length of the instruction.
    var hasLength: Bool { rawValue >= Kind.softwareInterrupt.rawValue }
  }

  var kind: Kind
  /// What CR2 or DR6 would say of it.
  var data: UInt64 = 0
  /// It was met while another event was delivered.
  var isNested = false

  init(_ kind: Kind, data: UInt64 = 0, isNested: Bool = false) {
    self.kind = kind
    self.data = data
    self.isNested = isNested
  }
}

/// The frame, from its lowest address: error code, RIP, CS+, RFLAGS, RSP, SS+, event data, zero.
public enum FREDFrame {
  public static let wordCount = 8
  static let size: UInt64 = 64

  // CS+
  static let levelShift: UInt64 = 16
  static let levelMask: UInt64 = 3 << 16
  static let waitForEndBranch: UInt64 = 1 << 18
  // SS+
  static let blockedBySTI: UInt64 = 1 << 16
  public static let softwareEvent: UInt64 = 1 << 17
  static let nmi: UInt64 = 1 << 18
  static let vectorShift: UInt64 = 32
  static let kindShift: UInt64 = 48
  static let bits64: UInt64 = 1 << 57
  static let nested: UInt64 = 1 << 58
  static let lengthShift: UInt64 = 60
}

extension Processor {
  /// Events are delivered by FRED, not through the IDT: CR4.FRED.
  public var deliversByFRED: Bool { s.pointee.cr4 & CR4.fred != 0 }
  public var fred: FREDRegisters { s.pointee.msr.fred }
}
