/// One domain: everything the hypervisor knows of it that is not in machine memory. A value: a copy is a snapshot.
///
/// Xen `xen/include/xen/sched.h`, `struct domain`. What Xen keeps in memory, the frame table, the M2P table, shared_info and the
/// page tables, is in machine memory here too, so that forks undo it.
public struct Domain: Sendable, Codable, Hashable {
  public let map: MachineMap
  /// Domain 0, the hardware and console domain, rather than a domU.
  public var isPrivileged = false
  /// domain_id.
  public var identifier: UInt16 { isPrivileged ? 0 : 1 }
  public var vcpu = VirtualCPU()
  /// VMASST_TYPE_* that are enabled, a bit each.
  public var assists: UInt64 = 0
  public var eventChannels = EventChannels()
  /// Set by SCHEDOP_shutdown or a crash.
  public var shutdown: Shutdown?
  /// SHUTDOWN_* that SCHEDOP_shutdown_code said first: it overrides what the shutdown itself says.
  public var shutdownCode: UInt8?
  /// Bytes typed on the console that the guest has not taken.
  public var consoleInput: [UInt8] = []
  /// Something was typed and domain 0 has not been told.
  var hasTyped = false
  /// The console ring's page and its event channel; zero where there is none.
  public var consoleFrame: UInt64 = 0
  public var consolePort: UInt32 = 0
  /// The same of XenStore, and what is in it.
  public var storeFrame: UInt64 = 0
  public var storePort: UInt32 = 0
  var xenStore = XenStore()
  public var startInfo: UInt64 = 0
  public var grantTable = GrantTable()
  var portLatches = PortLatches()
  /// The frame that PHYSDEVOP_pirq_eoi_gmfn registered.
  var eoiMap: UInt64?
  /// Frames of the domain's memory that it gave back.
  public var freeFrames: [UInt64] = []
  /// The memory map that XENMEM_set_memory_map gave, 20 bytes an entry.
  var memoryMap: [UInt8] = []
  /// Events delivered to the guest since it was built.
  public private(set) var deliveries: UInt64 = 0
  /// The last of them, in their order.
  public private(set) var recentDeliveries: [Delivery] = []
  public var lastDelivery: Delivery? { recentDeliveries.last }
  /// Guards taken away for the sake of a test; see `Ablations`.
  public var ablations: Ablations = []

  public init(map: MachineMap) { self.map = map }

  /// As if nothing had been delivered yet: what was decides nothing that is still to come.
  public mutating func forgetDeliveries() {
    deliveries = 0
    recentDeliveries = []
  }

  /// One entry of the hypervisor rarely pushes more than an exception, a machine check, an NMI and an upcall.
  private static let mostRecentDeliveries = 16

  mutating func note(_ delivery: Delivery) {
    deliveries &+= 1
    if recentDeliveries.count == Self.mostRecentDeliveries { recentDeliveries.removeFirst() }
    recentDeliveries.append(delivery)
  }
}

/// Why a domain ended. Xen `xen/include/public/sched.h`, SHUTDOWN_*.
public enum Shutdown: Sendable, Codable, Hashable {
  case powerOff
  case reboot
  case suspend
  /// The guest asked for it: SHUTDOWN_crash.
  case guestCrash
  /// The hypervisor gave it up, and says why.
  case crash(reason: String)
  case other(UInt32)
}

/// A frame that was pushed on the guest's stack.
public struct Delivery: Sendable, Codable, Hashable {
  public enum Kind: UInt8, Sendable, Codable, Hashable {
    case exception, softwareInterrupt, systemCall, systemEnter, eventUpcall, nmi, machineCheck, failsafe

    /// Words in its frame, without an error code.
    var wordCount: Int { self == .failsafe ? 11 : 7 }
  }
  public var kind: Kind
  /// The vector; zero for kinds that have none.
  public var vector: UInt8
  public var errorCode: UInt32?
  /// Where the guest was, and whether in its kernel.
  public var rip: UInt64
  public var wasInKernel: Bool
  /// The lowest address of the frame, which is RSP at the handler.
  public var frame: UInt64
  public var previousRSP: UInt64
}

/// Guards of the hypervisor that can be taken away, to see that the checks notice; and a defect of it, to see that they hold then.
public struct Ablations: OptionSet, Sendable, Codable, Hashable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// CALLBACKF_mask_events is ignored at SYSCALL.
  public static let syscallKeepsMask = Ablations(rawValue: 1 << 0)
  /// A frame for the kernel is pushed at the user's RSP.
  public static let frameAtUserRSP = Ablations(rawValue: 1 << 1)
  /// The stack_switch hypercall changes nothing.
  public static let stackSwitchIgnored = Ablations(rawValue: 1 << 2)
  /// The iret hypercall leaves the upcall mask as it is.
  public static let iretKeepsMask = Ablations(rawValue: 1 << 3)
  /// The iret hypercall never unmasks NMIs.
  public static let nmiMaskKept = Ablations(rawValue: 1 << 4)
  /// User mode runs on the kernel's page tables.
  public static let kernelTablesInUserMode = Ablations(rawValue: 1 << 5)
  /// The defect of switch_to_kernel: with it taken away the flag mask of a SYSCALL outlives create_bounce_frame.
  public static let syscallMaskLost = Ablations(rawValue: 1 << 6)
}
