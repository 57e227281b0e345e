/// What an invariant needs to know of a run between two boundaries, as the body that did it notes it down.
///
/// SDM vol. 3A, "Interrupt and Exception Handling"; vol. 2, the pages of the instructions named below.

/// Whose hands the processor is in, as far as it decides whose state the kernel runs on.
public struct Standing: Sendable, Hashable {
  public var rsp: UInt64
  public var gsBase: UInt64
  /// CR3 as it is loaded.
  public var cr3: UInt64
  public var rflags: RFLAGS
  /// The kernel runs, not the user.
  public var isKernel: Bool

  public init(rsp: UInt64, gsBase: UInt64, cr3: UInt64, rflags: RFLAGS, isKernel: Bool) {
    self.rsp = rsp
    self.gsBase = gsBase
    self.cr3 = cr3
    self.rflags = rflags
    self.isKernel = isKernel
  }
}

/// Whose translations were dropped, of those that are kept apart by PCIDs. SDM vol. 3A, "Operations that Invalidate TLBs and
/// Paging-Structure Caches".
public enum DroppedTranslations: Sendable, Hashable {
  case none
  case one(pcid: UInt16)
  case all
}

/// One change of what a run stands on. A trivial value.
public struct Transition: Sendable, Hashable {
  public enum Kind: UInt8, Sendable {
    /// An event was delivered: `delivery` says which.
    case event
    /// The frame of an event could not be pushed, which was the guest's end: `delivery` says which.
    case lostEvent
    /// SYSCALL, SYSENTER, or a far transfer to more privilege. By FRED the first two are events.
    case entry
    /// IRET, SYSRET, SYSEXIT, ERETU, ERETS, a far return to less privilege, or a hypervisor's return to its guest that is no delivery.
    case exit
    /// RSP was given a value that does not derive from RSP: a MOV, POP RSP, LEAVE.
    case stackLoad
    /// RSP was moved by arithmetic with a register, or by a page or more.
    case stackMove
    /// SWAPGS, WRGSBASE, a write of IA32_GS_BASE, or a load of GS changed the base.
    case gsBase
    /// MOV to CR3, or a hypervisor's switch of page tables.
    case pageTables
    /// With PCIDs, all translations of one or of each were dropped by what left CR3 as it was: INVPCID, a load of the same CR3, a change
    /// of CR0 or CR4.
    case invalidation
    /// POPF changed TF or NT.
    case flags
    /// VERW with a memory operand, on a processor that clears its buffers by it.
    case buffers
    /// A return or an indirect branch of privilege 0 whose last byte lies in the lower half of a cache line, on a part where that matters.
    case lowBranch
    /// An instruction that is no return set IF while NMIs were blocked, or where `tellsOfInterruptsLetIn` asks for it. Of a PV guest, that its
    /// kernel came to the hypervisor with upcalls let in and NMIs masked.
    case letInterruptsIn
    /// WRMSR changed IA32_SPEC_CTRL, on a part whose branches it must restrict.
    case speculationControl
  }

  public var kind: Kind
  /// The instruction that did it, or that the event interrupted.
  public var rip: UInt64
  public var before: Standing
  public var after: Standing
  /// What was delivered, or was to be.
  public var delivery: Delivered?
  /// Of a load of CR3, and of an invalidation.
  public var dropped: DroppedTranslations

  public init(
    kind: Kind, rip: UInt64, before: Standing, after: Standing, delivery: Delivered? = nil,
    dropped: DroppedTranslations = .none
  ) {
    self.kind = kind
    self.dropped = dropped
    self.rip = rip
    self.before = before
    self.after = after
    self.delivery = delivery
  }
}

/// An event and its frame, as whoever pushed the frame knows them.
public struct Delivered: Sendable, Hashable {
  /// Nil where the event has none.
  public var vector: UInt8?
  /// What the platform calls it, where it is no vector of the processor's: a number that means something to that platform alone. Of an
  /// event that FRED delivered it is a `FREDDelivered`.
  public var platformKind: UInt8 = 0
  public var errorCode: UInt32?
  /// The kernel was interrupted, not the user.
  public var fromKernel: Bool
  /// The handler's RSP: the lowest address of the frame.
  public var frame: UInt64
  /// Words in the frame.
  public var wordCount: Int
  /// The stack of its own that it was pushed on, by the gate's IST index; 0 for none. By FRED, the stack level.
  public var interruptStack: Int
  /// The frame was pushed right below the interrupted RSP.
  public var onCurrentStack: Bool
  /// CR2 behind the delivery.
  public var cr2: UInt64
  /// It is one that masking interrupts keeps out.
  public var isMaskable: Bool
  /// The fault of an instruction that returns: IRET, SYSRET, SYSEXIT.
  public var atReturn: Bool
  /// NMIs were blocked, and its return by IRET, or by Xen's iret, lets them in again.
  public var liftsNMIBlock: Bool

  public init(
    vector: UInt8?, platformKind: UInt8 = 0, errorCode: UInt32?, fromKernel: Bool, frame: UInt64, wordCount: Int,
    interruptStack: Int = 0, onCurrentStack: Bool, cr2: UInt64, isMaskable: Bool, atReturn: Bool = false,
    liftsNMIBlock: Bool = false
  ) {
    self.vector = vector
    self.platformKind = platformKind
    self.errorCode = errorCode
    self.fromKernel = fromKernel
    self.frame = frame
    self.wordCount = wordCount
    self.interruptStack = interruptStack
    self.onCurrentStack = onCurrentStack
    self.cr2 = cr2
    self.isMaskable = isMaskable
    self.atReturn = atReturn
    self.liftsNMIBlock = liftsNMIBlock
  }
}
