/// The closed vocabularies of a report: who delivers events, which processor, which way in, which event. Raw values are
/// the names on the command line and in every format that leaves the program; they are never renamed within a version.

/// A vocabulary whose members have a spelling and an order, the order of declaration.
public protocol Vocabulary: RawRepresentable<String>, CaseIterable, Codable, Hashable, Sendable, Comparable {}

extension Vocabulary {
  /// The place in the declaration: reports list things in this order, not in the alphabet's.
  public var rank: Int { Array(Self.allCases).firstIndex(of: self)! }

  public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }

  /// Every spelling, for messages: "intel, amd".
  public static var spellings: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// Who delivers events and executes privileged operations.
public enum PlatformName: String, Vocabulary {
  case bareMetal = "bare-metal"
  case xenPV = "xen-pv"
  /// A hypervisor's own bytes, which a file holds.
  case xen

  /// Runs what the user gives besides the kernel.
  public var needsHypervisor: Bool { self == .xen }
}

/// Which processor: a vendor's rules without a name, or a part by its name (`Sources/Machine/Profiles/Parts`).
public enum ProfileName: String, Vocabulary {
  case intel
  case amd
  case skylake
  case iceLake = "ice-lake"
  case raptorLake = "raptor-lake"
  case wildcatLake = "wildcat-lake"
  case zen2
  case zen3
  case zen4
  case zen5
  case zen6

  /// Those that are no part's: what a check takes where none is named.
  public static let plain: [ProfileName] = [.intel, .amd]
}

/// One way from user mode into the kernel, and back.
public enum CrossingKind: String, Vocabulary {
  case syscall64
  case syscall32
  case sysenter
  case int80
  case ud
  case bp
  case de
  case gp
  case pf
  case of
  case ss
  case ac
  case mf
  case xm
  case irq
  case nmi
  case db
  case sigreturn

  /// As the manuals write it.
  public var title: String {
    switch self {
    case .syscall64: "SYSCALL from 64-bit code"
    case .syscall32: "SYSCALL from compatibility code"
    case .sysenter: "SYSENTER"
    case .int80: "INT 0x80"
    case .ud: "#UD from user mode"
    case .bp: "#BP from user mode"
    case .de: "#DE from user mode"
    case .gp: "#GP from user mode"
    case .pf: "#PF from user mode"
    case .of: "INT 4 from user mode"
    case .ss: "#SS from user mode"
    case .ac: "#AC from user mode"
    case .mf: "#MF from user mode"
    case .xm: "#XM from user mode"
    case .irq: "external interrupt in user mode"
    case .nmi: "NMI in user mode"
    case .db: "#DB in user mode"
    case .sigreturn: "return through sigreturn"
    }
  }
}

/// What can be made to happen at a boundary.
public enum EventKind: String, Vocabulary {
  case nmi
  case externalInterrupt = "external-interrupt"
  case machineCheck = "machine-check"
  case debugBreakpoint = "debug-breakpoint"
  /// A spurious one, as a stale translation makes it, wherever something is stored.
  case pageFault = "page-fault"
  case eventUpcall = "event-upcall"
  case nmiCallback = "nmi-callback"
  case virtualMachineCheck = "virtual-mce"
  /// What only a host that means harm lets come: an external interrupt with the vector of a system call, one that the kernel assigned no
  /// vector, and one while IF keeps interrupts out.
  case hostVector80 = "host-vector-80"
  case hostSpurious = "host-spurious"
  case hostMaskedInterrupt = "host-masked-interrupt"
  /// #VC, which a host provokes at any instruction of an encrypted guest's.
  case hostVC = "host-vc"
  /// Xen's failsafe callback, although nothing of the guest's own took a segment away.
  case hostFailsafe = "host-failsafe"

  /// Nothing that hardware does: only a host raises it.
  public var isFromHost: Bool {
    switch self {
    case .hostVector80, .hostSpurious, .hostMaskedInterrupt, .hostVC, .hostFailsafe: true
    default: false
    }
  }

  /// What is asked of every kernel: of the rest, a host that means harm is to be named, and a spurious page fault comes only where a kernel
  /// gave a page more rights, so that a kernel which does so nowhere on its way need not survive one there.
  public static var usual: [EventKind] { allCases.filter { !$0.isFromHost && $0 != .pageFault } }

  /// Short, as the manuals and Xen write it.
  public var title: String {
    switch self {
    case .nmi: "NMI"
    case .externalInterrupt: "interrupt"
    case .machineCheck: "#MC"
    case .debugBreakpoint: "#DB"
    case .pageFault: "#PF"
    case .eventUpcall: "upcall"
    case .nmiCallback: "NMI callback"
    case .virtualMachineCheck: "vMCE"
    case .hostVector80: "vector 80h"
    case .hostSpurious: "spurious"
    case .hostMaskedInterrupt: "unmasked"
    case .hostVC: "#VC"
    case .hostFailsafe: "failsafe"
    }
  }
}

/// A name whose list is open: whoever declares the thing names it.
public protocol OpenName: RawRepresentable<String>, Codable, Hashable, Sendable, Comparable, ExpressibleByStringLiteral,
  CustomStringConvertible
{
  init(rawValue: String)
}

extension OpenName {
  public init(stringLiteral value: String) { self.init(rawValue: value) }
  public var description: String { rawValue }
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// What the user program set up before it crossed: `normal`, `rsp-zero`, …
public struct PostureName: OpenName {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
}

/// The identifier of an invariant: `rsp-owned`, …
public struct InvariantName: OpenName {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
}

/// The name of a guard that `--ablate` takes away.
public struct AblationName: OpenName {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
}
