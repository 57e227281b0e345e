/// The hypercall table: numbers and arguments. What each does is in the file named after it.
///
/// Xen `xen/include/public/xen.h`, `__HYPERVISOR_*`; `xen/arch/x86/pv/hypercall.c`: the number is in RAX, arguments are in RDI,
/// RSI, RDX, R10, R8 and R9, the result is in RAX.
import Machine

public struct HypercallArguments: Sendable, Hashable {
  public var number: UInt64
  public var first, second, third, fourth, fifth, sixth: UInt64

  public init(number: UInt64, _ words: [UInt64]) {
    self.number = number
    func word(_ index: Int) -> UInt64 { index < words.count ? words[index] : 0 }
    (first, second, third, fourth, fifth, sixth) = (word(0), word(1), word(2), word(3), word(4), word(5))
  }

  var words: [UInt64] { [first, second, third, fourth, fifth, sixth] }
}

public enum Hypercall: UInt64, Sendable, CaseIterable {
  case setTrapTable = 0
  case mmuUpdate = 1
  case setGDT = 2
  case stackSwitch = 3
  case setCallbacks = 4
  case fpuTaskswitch = 5
  case schedOpCompat = 6
  case platformOp = 7
  case setDebugreg = 8
  case getDebugreg = 9
  case updateDescriptor = 10
  case memoryOp = 12
  case multicall = 13
  case updateVAMapping = 14
  case setTimerOp = 15
  case eventChannelOpCompat = 16
  case xenVersion = 17
  case consoleIO = 18
  case physdevOpCompat = 19
  case grantTableOp = 20
  case vmAssist = 21
  case updateVAMappingOtherdomain = 22
  case iret = 23
  case vcpuOp = 24
  case setSegmentBase = 25
  case mmuextOp = 26
  case xsmOp = 27
  case nmiOp = 28
  case schedOp = 29
  case callbackOp = 30
  case xenoprofOp = 31
  case eventChannelOp = 32
  case physdevOp = 33
  case hvmOp = 34
  case sysctl = 35
  case domctl = 36
  case kexecOp = 37
  case xenpmuOp = 40
  case dmOp = 41
  case hypfsOp = 42
  case mca = 48
  case pagingDomctlCont = 49

  /// As Xen's headers have it, without `__HYPERVISOR_`.
  public var name: String {
    switch self {
    case .setTrapTable: "set_trap_table"
    case .mmuUpdate: "mmu_update"
    case .setGDT: "set_gdt"
    case .stackSwitch: "stack_switch"
    case .setCallbacks: "set_callbacks"
    case .fpuTaskswitch: "fpu_taskswitch"
    case .setDebugreg: "set_debugreg"
    case .getDebugreg: "get_debugreg"
    case .updateDescriptor: "update_descriptor"
    case .memoryOp: "memory_op"
    case .multicall: "multicall"
    case .updateVAMapping: "update_va_mapping"
    case .setTimerOp: "set_timer_op"
    case .xenVersion: "xen_version"
    case .consoleIO: "console_io"
    case .grantTableOp: "grant_table_op"
    case .vmAssist: "vm_assist"
    case .updateVAMappingOtherdomain: "update_va_mapping_otherdomain"
    case .iret: "iret"
    case .vcpuOp: "vcpu_op"
    case .setSegmentBase: "set_segment_base"
    case .mmuextOp: "mmuext_op"
    case .nmiOp: "nmi_op"
    case .schedOp: "sched_op"
    case .callbackOp: "callback_op"
    case .eventChannelOp: "event_channel_op"
    case .physdevOp: "physdev_op"
    case .schedOpCompat: "sched_op_compat"
    case .platformOp: "platform_op"
    case .eventChannelOpCompat: "event_channel_op_compat"
    case .physdevOpCompat: "physdev_op_compat"
    case .xsmOp: "xsm_op"
    case .xenoprofOp: "xenoprof_op"
    case .hvmOp: "hvm_op"
    case .sysctl: "sysctl"
    case .domctl: "domctl"
    case .kexecOp: "kexec_op"
    case .xenpmuOp: "xenpmu_op"
    case .dmOp: "dm_op"
    case .hypfsOp: "hypfs_op"
    case .mca: "mca"
    case .pagingDomctlCont: "paging_domctl_cont"
    }
  }

  /// Whether the first argument chooses among operations.
  public var hasOperation: Bool {
    switch self {
    case .memoryOp, .xenVersion, .consoleIO, .grantTableOp, .vmAssist, .vcpuOp, .setSegmentBase, .nmiOp, .schedOp,
      .callbackOp, .eventChannelOp, .physdevOp, .schedOpCompat, .xenoprofOp, .hvmOp, .kexecOp, .xenpmuOp, .hypfsOp:
      true
    default: false
    }
  }
}

extension XenPVComputer {
  /// pv_hypercall.
  func hypercall() {
    let arguments = HypercallArguments(
      number: processor[.rax],
      [processor[.rdi], processor[.rsi], processor[.rdx], processor[.r10], processor[.r8], processor[.r9]])
    hypercallObserver?(arguments, registers.rip)
    continuation = nil
    memoryWork = 0
    let result = perform(arguments)
    if let continuation {
      // hypercall_create_continuation: the guest makes the call again, with what is left to do.
      registers.rip &-= 2
      processor[.rax] = continuation.number
      processor[.rdi] = continuation.first
      processor[.rsi] = continuation.second
      processor[.rdx] = continuation.third
      processor[.r10] = continuation.fourth
      processor[.r8] = continuation.fifth
      processor[.r9] = continuation.sixth
    } else {
      processor[.rax] = UInt64(bitPattern: result)
    }
  }

  /// Makes a call from outside, with whatever it points at in the guest's memory. One that did a part of its work only says what is
  /// to be called next.
  public func call(_ arguments: HypercallArguments) -> (result: Int64, next: HypercallArguments?) {
    continuation = nil
    memoryWork = 0
    let result = perform(arguments)
    return (result, continuation)
  }

  /// Does one call and returns its result: zero or more, or a negative errno.
  func perform(_ call: HypercallArguments) -> Int64 {
    guard let kind = Hypercall(rawValue: call.number) else { return -Errno.ENOSYS.rawValue }
    do throws(Errno) {
      switch kind {
      case .setTrapTable: return try setTrapTable(call)
      case .mmuUpdate: return try mmuUpdate(call)
      case .setGDT: return try setGDT(call)
      case .stackSwitch: return try stackSwitch(call)
      case .setCallbacks: return try setCallbacks(call)
      case .fpuTaskswitch: return try fpuTaskswitch(call)
      case .setDebugreg: return try setDebugreg(call)
      case .getDebugreg: return try getDebugreg(call)
      case .updateDescriptor: return try updateDescriptor(call)
      case .memoryOp: return try memoryOp(call)
      case .multicall: return try multicall(call)
      case .updateVAMapping: return try updateVAMapping(call)
      case .setTimerOp: return try setTimerOp(call)
      case .xenVersion: return try xenVersion(call)
      case .consoleIO: return try consoleIO(call)
      case .grantTableOp: return try grantTableOp(call)
      case .vmAssist: return try vmAssist(call)
      case .updateVAMappingOtherdomain: return try updateVAMappingOtherdomain(call)
      case .iret: return Int64(bitPattern: doIret())
      case .vcpuOp: return try vcpuOp(call)
      case .setSegmentBase: return try setSegmentBase(call)
      case .mmuextOp: return try mmuextOp(call)
      case .nmiOp: return try nmiOp(call)
      case .schedOp: return try schedOp(call)
      case .callbackOp: return try callbackOp(call)
      case .eventChannelOp: return try eventChannelOp(call)
      case .physdevOp: return try physdevOp(call)
      case .schedOpCompat: return try schedOpCompat(call)
      case .eventChannelOpCompat: return try eventChannelOpCompat(call)
      case .physdevOpCompat: return try physdevOpCompat(call)
      case .platformOp, .xsmOp, .xenoprofOp, .hvmOp, .sysctl, .domctl, .kexecOp, .xenpmuOp, .dmOp, .hypfsOp, .mca,
        .pagingDomctlCont:
        return try controlOp(kind, call)
      }
    } catch {
      return -error.rawValue
    }
  }
}
