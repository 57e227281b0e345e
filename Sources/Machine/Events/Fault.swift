/// Exceptions as values. SDM vol. 3A, "Exception and Interrupt Reference"; AMD APM vol. 2, "Vectors".

/// An exception or interrupt vector, 0 to 255.
public struct Vector: RawRepresentable, Sendable, Hashable {
  public var rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public init(_ rawValue: UInt8) { self.rawValue = rawValue }

  public static let divideError = Vector(0)
  public static let debug = Vector(1)
  public static let nmi = Vector(2)
  public static let breakpoint = Vector(3)
  public static let overflow = Vector(4)
  public static let boundRange = Vector(5)
  public static let invalidOpcode = Vector(6)
  public static let deviceNotAvailable = Vector(7)
  public static let doubleFault = Vector(8)
  public static let invalidTSS = Vector(10)
  public static let segmentNotPresent = Vector(11)
  public static let stackFault = Vector(12)
  public static let generalProtection = Vector(13)
  public static let pageFault = Vector(14)
  public static let x87 = Vector(16)
  public static let alignmentCheck = Vector(17)
  public static let machineCheck = Vector(18)
  public static let simd = Vector(19)
  public static let controlProtection = Vector(21)
  public static let vmmCommunication = Vector(29)
}

/// Why an instruction did not complete.
public enum Fault: Error, Sendable {
  /// An exception that the guest sees: vector and error code, where the vector has one.
  case exception(Vector, errorCode: UInt32?)
  /// A page fault: the error code and the linear address for CR2.
  case page(errorCode: UInt32, address: UInt64)
  /// A debug exception reported before the instruction (instruction breakpoint, general detect): bits for DR6.
  case debug(UInt64)
  /// The run stops here.
  case exit(Exit)
  /// The instruction reaches a device: it is executed again by itself. Nothing has been asked of the device yet.
  case alone

  static func gp(_ code: UInt32 = 0) -> Fault { .exception(.generalProtection, errorCode: code) }
  static func ss(_ code: UInt32 = 0) -> Fault { .exception(.stackFault, errorCode: code) }
  static func np(_ code: UInt32) -> Fault { .exception(.segmentNotPresent, errorCode: code) }
  static func ts(_ code: UInt32) -> Fault { .exception(.invalidTSS, errorCode: code) }
  static let ud = Fault.exception(.invalidOpcode, errorCode: nil)
  static let nm = Fault.exception(.deviceNotAvailable, errorCode: nil)
  static let de = Fault.exception(.divideError, errorCode: nil)
  static let mf = Fault.exception(.x87, errorCode: nil)
  static let xm = Fault.exception(.simd, errorCode: nil)
  static let ac = Fault.exception(.alignmentCheck, errorCode: 0)
  static func cp(_ code: ControlProtection) -> Fault { .exception(.controlProtection, errorCode: code.rawValue) }
  static func unsupported(_ what: StaticString, file: StaticString = #fileID) -> Fault {
    .exit(.unsupported(Unsupported(what, file: file)))
  }
}

/// The error code of #CP. SDM vol. 3A, "Control Protection Exception (#CP)".
enum ControlProtection: UInt32 {
  /// No ENDBR64 where an indirect branch led.
  case endBranch = 3
}

/// Why a run stopped. The platform acts on it and resumes.
public enum Exit: Sendable {
  /// The instruction budget is used up; the machine stands at a boundary.
  case budget
  /// HLT retired; nothing runs until an event.
  case halted
  /// The last instruction or event used the bus, or wrote a register that the local APIC shares: CR8 or IA32_APIC_BASE. It is
  /// done; what the devices ask for is to be looked at.
  case deviceAccess
  /// An interrupt is requested and the processor can take it now: answer with `deliverInterrupt`.
  case interruptWindow
  /// An event for a platform that owns the IDT; see `Intercept`. `next` is where its frame would say that execution goes on:
  /// RIP is there already.
  case intercepted(Intercept, next: UInt64)
  /// A third fault while delivering a double fault, or a machine check that cannot be delivered.
  case shutdown
  /// Something the machine does not model; the instruction at RIP was not executed.
  case unsupported(Unsupported)
}

/// What the machine does not model: where it was met is the machine's RIP.
public struct Unsupported: Sendable, CustomStringConvertible {
  /// The instruction or access, in words.
  public var what: StaticString
  /// The source file where it would be added.
  public var file: StaticString
  public init(_ what: StaticString, file: StaticString = #fileID) {
    self.what = what
    self.file = file
  }
  public var description: String { "\(what) (would be added in \(file))" }
}
