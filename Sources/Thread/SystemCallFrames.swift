/// What one system call showed at the places that the questions ask about: the frame at the join point, the stack that the
/// kernel was entered on, the way back to the user.
///
/// Xen `xen/arch/x86/x86_64/entry.S`, `create_bounce_frame`; `xen/arch/x86/pv/iret.c`, `do_iret`.
import Execution
import Findings
import Invariants
import Machine
import Subjects

/// The five words at the join point, from the lowest address: where Xen's path meets the native one.
struct JoinFrame: Sendable, Equatable {
  var words: [UInt64]
  static let names = ["RIP", "CS", "RFLAGS", "RSP", "SS"]
}

/// How the kernel went back to the user.
enum WayBack: String, Sendable {
  case sysret = "SYSRET"
  case sysexit = "SYSEXIT"
  case iret = "IRET"
  case hypercall = "iret hypercall"
  case hypercallInSyscall = "iret hypercall, VGCF_in_syscall"
}

/// One crossing from one posture on one machine.
struct SystemCallFrames: Sendable {
  var crossing: CrossingKind
  var posture: PostureName
  /// The user's RSP at the crossing.
  var userRSP: UInt64
  var join: JoinFrame?
  /// Xen's frame ends where stack_switch put the kernel's stack. Nil on bare metal.
  var isOnKernelStack: Bool?
  var wayBack: WayBack?
  /// How many of RAX, R11, RCX, RIP, RFLAGS and RSP the hypercall took from its frame: found by changing each word.
  var restored: Int?
  /// Kernel-mode boundaries up to the first at which interrupts are on; nil when they never are.
  var masked: Int?
  /// What the user saw at the end; nil when the crossing did not come back.
  var view: UserView?
}

extension ReadyMachine {
  /// Runs the crossing without events, from every posture in which it exists.
  func frames(_ crossing: CrossingKind, join: UInt64?) throws -> [SystemCallFrames] {
    var found: [SystemCallFrames] = []
    for posture in probe.postures {
      do { try position(crossing: crossing, posture: posture) } catch is Stop { continue }
      defer { leave() }
      found.append(frames(crossing, posture, join: join))
    }
    return found
  }

  private func frames(_ crossing: CrossingKind, _ posture: PostureName, join: UInt64?) -> SystemCallFrames {
    let user = userSide(crossing)
    let run = run(user, crossing, [], 0)
    var frames = SystemCallFrames(crossing: crossing, posture: posture, userRSP: user.rsp)
    let end = run.play {
      let processor = computer.processor
      if run.boundary > 0, frames.isOnKernelStack == nil {
        frames.isOnKernelStack = computer.lastFrameEndsAtKernelStack
      }
      if frames.join == nil, processor.rip == join {
        frames.join = words(at: processor[.rsp], 5).map(JoinFrame.init)
      }
      if frames.masked == nil, computer.isInKernel, computer.interruptsOpen { frames.masked = run.boundary - 1 }
      if computer.isInKernel, let back = wayBack() {
        frames.wayBack = back
        if back == .hypercall || back == .hypercallInSyscall { frames.restored = restoredWords() }
      }
      return .step
    }
    frames.view = end == .user ? userView() : nil
    return frames
  }

  /// What the crossing from the usual posture costs up to the function, in it and behind it.
  func parts(_ crossing: CrossingKind, around function: UInt64) throws -> CrossingParts? {
    do { try position(crossing: crossing, posture: "normal") } catch is Stop { return nil }
    defer { leave() }
    let meter = CrossingMeter()
    meter.follow(run(userSide(crossing), crossing, [], 0), on: computer)
    return meter.parts(around: function)
  }

  private func words(at address: UInt64, _ count: Int) -> [UInt64]? {
    guard let bytes = computer.processor.bytes(atLinear: address, count: count * 8) else { return nil }
    return stride(from: 0, to: bytes.count, by: 8).map { start in
      bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  /// The next instruction goes back to the user, where it can be told from what it is: SDM vol. 2B, "SYSRET"; vol. 2A, "IRET".
  private func wayBack() -> WayBack? {
    guard let bytes = computer.processor.bytes(atLinear: computer.processor.rip, count: 3) else { return nil }
    let rest = bytes[0] & 0xF0 == 0x40 ? Array(bytes.dropFirst()) : bytes
    switch (rest[0], rest[1]) {
    case (0x0F, 0x07): return .sysret
    case (0x0F, 0x35): return .sysexit
    case (0xCF, _): return .iret
    case (0x0F, 0x05):
      // HYPERVISOR_iret, 23. struct iret_context: RAX, R11, RCX, flags, ...
      guard computer.processor[.rax] & 0xFFFF_FFFF == 23, let frame = words(at: computer.processor[.rsp], 9) else {
        return nil
      }
      return frame[3] & 0x100 == 0 ? .hypercall : .hypercallInSyscall
    default: return nil
    }
  }

  /// Changes one word of the frame after the other and counts those that the user then sees changed.
  private func restoredWords() -> Int {
    let before = outcome(changing: nil)
    // RAX, R11, RCX, RIP, RFLAGS (CF), RSP: not the selectors, which must be valid.
    let bits: [(index: UInt64, bit: UInt64)] = [(0, 16), (1, 16), (2, 16), (4, 16), (6, 1), (7, 16)]
    return bits.count { index, bit in
      guard let after = outcome(changing: (index, bit)), let before else { return false }
      let own: (UserView) -> UInt64 =
        switch index {
        case 0: { $0.registers[GeneralRegister.rax.place] }
        case 1: { $0.registers[GeneralRegister.r11.place] }
        case 2: { $0.registers[GeneralRegister.rcx.place] }
        case 4: { $0.rip }
        case 6: { $0.rflags.rawValue }
        default: { $0.registers[GeneralRegister.rsp.place] }
        }
      return own(after) != own(before)
    }
  }

  private func outcome(changing change: (index: UInt64, bit: UInt64)?) -> UserView? {
    fork()
    defer {
      computer.restore()
      drop()
    }
    if let change {
      let address = computer.processor[.rsp] &+ change.index * 8
      guard let word = words(at: address, 1)?.first else { return nil }
      let changed = withUnsafeBytes(of: (word ^ change.bit).littleEndian) { [UInt8]($0) }
      guard computer.processor.write(changed, atLinear: address) else { return nil }
    }
    guard case .budget = computer.takeStep(), !computer.isInKernel else { return nil }
    return userView()
  }
}

extension GeneralRegister {
  fileprivate var place: Int { Self.allCases.firstIndex(of: self)! }
}
