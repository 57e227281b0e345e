/// Everything that the processor holds between two instructions. A trivial value: copying it is a snapshot.
///
/// SDM vol. 3A, "System Architecture Overview"; vol. 1, "Basic Execution Environment".
/// The register file must stay the first stored property: the interpreter addresses it through the structure's own address.
public struct ProcessorState: Sendable {
  /// General registers, zero, temporaries and segment bases; see `Slot`.
  var registers = InlineArray<32, UInt64>(repeating: 0)

  // Flags. The arithmetic ones are kept as the last result and its carries; see `State/LazyFlags.swift`.
  var flagResult: UInt64 = 1
  var flagCarries: UInt64 = 0
  /// RFLAGS without the arithmetic flags and without the fixed one.
  var otherFlags: UInt64 = 0

  public internal(set) var rip: UInt64 = 0
  /// Instructions retired since the machine was made.
  public internal(set) var retired: UInt64 = 0
  /// Virtual nanoseconds that passed while nothing retired, halted or on an access to a port, added to `retired`.
  public internal(set) var idleTime: UInt64 = 0
  /// Steps that retired nothing: see `Processor.position`.
  var unretired: UInt64 = 0
  /// What was done and retired nothing, in instructions that would take as long: see `Processor.spent`.
  var work: UInt64 = 0

  /// Current privilege level, 0 to 3.
  public internal(set) var cpl: UInt8 = 0
  var codeMode: CodeMode = .bits32
  /// What runs at privilege 3 is the kernel of a hypervisor's guest.
  var guestRunsKernel = false
  /// What an event must wait for: set by STI and by loads of SS.
  public internal(set) var shadow: InterruptShadow = .none
  /// NMIs wait until the next IRET.
  public internal(set) var nmiBlocked = false
  /// Whoever watches wants to know when maskable interrupts are let in.
  var tellsOfInterruptsLetIn = false
  /// The platform's interrupt line. The platform keeps it up to date.
  var interruptLine = false
  var nmiLatched = false
  /// DR6 bits of debug traps to report at the next boundary.
  var pendingDebug: UInt64 = 0
  public internal(set) var isHalted = false
  /// Random numbers that RDRAND and RDSEED have given since the machine was made.
  var randomCount: UInt64 = 0
  /// Events delivered since the machine was made.
  public internal(set) var eventCount: UInt64 = 0
  var lastVector = Vector.divideError
  /// While one instruction executes: whether a single-step trap follows it, and whether RF is cleared after it.
  var trapAfter = false
  var clearsResume = true
  /// While one instruction executes: it stands in the shadow of an STI.
  var followsSTI = false

  var segments = InlineArray<6, SegmentRegister>(repeating: SegmentRegister())
  var ldtr = SegmentRegister()
  var ldtrBase: UInt64 = 0
  var tr = SegmentRegister()
  var trBase: UInt64 = 0
  public internal(set) var gdtr = DescriptorTable()
  public internal(set) var idtr = DescriptorTable()

  public internal(set) var cr0: UInt64 = CR0.extensionType
  public internal(set) var cr2: UInt64 = 0
  public internal(set) var cr3: UInt64 = 0
  public internal(set) var cr4: UInt64 = 0
  public internal(set) var cr8: UInt64 = 0
  public internal(set) var dr = InlineArray<4, UInt64>(repeating: 0)
  public internal(set) var dr6: UInt64 = DR6.fixedOnes
  public internal(set) var dr7: UInt64 = DR7.fixedOnes
  public internal(set) var msr = ModelSpecificRegisters()

  var vectors = InlineArray<16, Vector128>(repeating: Vector128())
  var mxcsr: UInt32 = MXCSR.initial.rawValue
  var x87 = X87State()

  /// Which of a hypervisor's address spaces CR3 names: their translations are cached apart, as those of PCIDs are.
  var addressSpace: UInt8 = 0

  // Translation caches: see `Memory/TranslationCache.swift`.
  /// The low bits of a cached tag: which translation context the entry was made in.
  var translationTag: UInt64 = 1
  /// Distinguishes every (context, privilege, code mode) under which an instruction was fetched.
  var fetchKey: UInt64 = 0

  public init() {}
}

/// The width of addresses and operands that the code segment asks for.
enum CodeMode: UInt8, Sendable {
  case bits16, bits32, bits64
}

/// SDM vol. 3A, "Masking Exceptions and Interrupts When Switching Stacks"; vol. 2B, "STI".
public enum InterruptShadow: UInt8, Sendable {
  case none
  /// The boundary after an STI that set IF: maskable interrupts wait.
  case sti
  /// The boundary after a load of SS: interrupts, NMIs and debug traps wait.
  case movSS
}

/// SDM vol. 4, "Architectural MSRs"; AMD APM vol. 2, "System-Control MSRs".
public struct ModelSpecificRegisters: Sendable {
  public internal(set) var efer: UInt64 = 0
  public internal(set) var star: UInt64 = 0
  public internal(set) var lstar: UInt64 = 0
  public internal(set) var cstar: UInt64 = 0
  public internal(set) var syscallMask: UInt64 = 0
  public internal(set) var kernelGSBase: UInt64 = 0
  public internal(set) var sysenterCS: UInt64 = 0
  public internal(set) var sysenterESP: UInt64 = 0
  public internal(set) var sysenterEIP: UInt64 = 0
  public internal(set) var tscAuxiliary: UInt64 = 0
  public internal(set) var tscOffset: UInt64 = 0
  public internal(set) var pageAttributes: UInt64 = 0x0007_0406_0007_0406
  public internal(set) var apicBase: UInt64 = 0xFEE0_0900
  public internal(set) var debugControl: UInt64 = 0
  public internal(set) var miscellaneousEnable: UInt64 = 1
  public internal(set) var machineCheckStatus: UInt64 = 0
  /// The one error-reporting bank: control, status, address, miscellaneous.
  var machineCheckBank = InlineArray<4, UInt64>(repeating: 0)
  public internal(set) var mtrrDefaultType: UInt64 = 0
  /// AMD's HWCR: the bits that software may change.
  var hardwareConfiguration: UInt64 = 0
  /// AMD's PerfEvtSel0 to 3 and PerfCtr0 to 3. Nothing counts.
  var performanceEventSelects = InlineArray<4, UInt64>(repeating: 0)
  var performanceCounters = InlineArray<4, UInt64>(repeating: 0)
  public internal(set) var fred = FREDRegisters()
  /// IA32_U_CET and IA32_S_CET: see `Events/BranchTracking.swift`.
  var userControlFlow: UInt64 = 0
  var supervisorControlFlow: UInt64 = 0
  /// IA32_SPEC_CTRL, or AMD's SPEC_CTRL.
  public internal(set) var speculationControl: UInt64 = 0
  /// IA32_MCU_OPT_CTRL.
  var microcodeOptions: UInt64 = 0
  /// AMD's DE_CFG, BP_CFG and BP_CFG2, as far as software has changed them.
  var branchConfiguration = InlineArray<3, UInt64>(repeating: 0)
}
