/// What each name of a vocabulary means, in a sentence: for `limen list KIND --verbose` and `limen explain NAME`.

/// A name that explains itself.
public protocol Explained {
  /// One sentence with a full stop.
  var meaning: String { get }
}

extension PlatformName: Explained {
  public var meaning: String {
    switch self {
    case .bareMetal: "A PC: the processor delivers events through the kernel's own IDT."
    case .xenPV: "A Xen PV guest: the hypervisor has the IDT, and delivers events by bounce frames."
    case .xen: "Xen's own bytes on a PC, with the kernel as its domain 0: --hypervisor names the image."
    }
  }
}

extension ProfileName: Explained {
  public var meaning: String {
    switch self {
    case .intel: "A processor that follows Intel's manual where the two differ."
    case .amd: "A processor that follows AMD's manual where the two differ."
    case .skylake: "Intel's Skylake, with what its CPUID says."
    case .iceLake: "Intel's Ice Lake, with what its CPUID says."
    case .raptorLake: "Intel's Raptor Lake, with what its CPUID says."
    case .wildcatLake: "Intel's Wildcat Lake, with what its CPUID says, FRED among it."
    case .zen2: "AMD's Zen 2, with what its CPUID says."
    case .zen3: "AMD's Zen 3, with what its CPUID says."
    case .zen4: "AMD's Zen 4, with what its CPUID says."
    case .zen5: "AMD's Zen 5, with what its CPUID says."
    case .zen6: "AMD's Zen 6 as far as AMD has documented it: Zen 5 with FRED."
    }
  }
}

extension CrossingKind: Explained {
  public var meaning: String {
    switch self {
    case .syscall64: "SYSCALL from 64-bit code: getpid."
    case .syscall32: "SYSCALL from compatibility code, into the 32-bit vDSO; an Intel processor has none (#UD)."
    case .sysenter: "SYSENTER from compatibility code, into the 32-bit vDSO; an AMD processor has none there (#UD)."
    case .int80: "INT 0x80 from 64-bit code: getpid."
    case .ud: "UD2 in user mode, which the kernel answers with SIGILL."
    case .bp: "INT3 in user mode, which the kernel answers with SIGTRAP."
    case .de: "A DIV by zero in user mode, which the kernel answers with SIGFPE."
    case .gp: "A HLT in user mode, which the kernel answers with SIGSEGV."
    case .pf: "A write to address 0x10 in user mode, which the kernel answers with SIGSEGV."
    case .of: "INT 4 in user mode, which the kernel answers with SIGSEGV."
    case .ss: "A load by RBP, which is not canonical, in user mode, which the kernel answers with SIGBUS."
    case .ac: "A load from an odd address with RFLAGS.AC set in user mode, which the kernel answers with SIGBUS."
    case .mf: "An FWAIT in user mode behind an unmasked x87 division by zero, which the kernel answers with SIGFPE."
    case .xm: "An unmasked DIVSS by zero in user mode, which the kernel answers with SIGFPE."
    case .irq: "An external interrupt that arrives in user mode."
    case .nmi: "An NMI that arrives in user mode."
    case .db: "A single step in user mode (RFLAGS.TF), which the kernel answers with SIGTRAP."
    case .sigreturn: "SYSCALL from 64-bit code: rt_sigreturn, with a frame of the user's making."
    }
  }
}

extension EventKind: Explained {
  public var meaning: String {
    switch self {
    case .nmi: "A non-maskable interrupt: RFLAGS.IF does not keep it out, only an NMI that is being handled."
    case .externalInterrupt: "An interrupt of a device, which RFLAGS.IF keeps out."
    case .machineCheck: "#MC, which nothing but CR4.MCE keeps out."
    case .debugBreakpoint: "#DB of an instruction breakpoint on the next instruction, as a debugger's or perf's."
    case .pageFault:
      "A spurious #PF of the store that comes next, as a stale translation makes it; asked for by name alone."
    case .eventUpcall: "Xen's event upcall, which evtchn_upcall_mask keeps out."
    case .nmiCallback: "An NMI as Xen delivers it to a PV guest: at the guest's NMI callback."
    case .virtualMachineCheck: "A virtual machine check (vMCE), as Xen delivers it to a PV guest."
    case .hostVector80: "An external interrupt with the vector of INT 0x80, which a malicious host sends."
    case .hostSpurious:
      "An external interrupt with a vector that the kernel gave to nobody, which a malicious host sends."
    case .hostMaskedInterrupt:
      "The timer's interrupt while RFLAGS.IF keeps interrupts out, which a malicious host injects by SVM."
    case .hostVC:
      "#VC, the exception of a guest whose memory is encrypted, which a malicious host provokes at any instruction."
    case .hostFailsafe:
      "Xen's failsafe callback: a segment could not be loaded when the virtual CPU was switched to, whoever took it away."
    }
  }
}

extension WindowKind: Explained {
  public var meaning: String {
    switch self {
    case .rsp: "Boundaries in kernel mode at which RSP is still, or again, the user's."
    case .gs: "Boundaries in kernel mode at which the GS base is still, or again, the user's."
    case .pageTables: "Boundaries in kernel mode at which CR3 selects the user's page tables."
    case .interrupts: "Boundaries at which the kernel claims that interrupts are off, and they are on."
    case .interruptTrace: "Boundaries at which the kernel's own record of the interrupt state is wrong."
    }
  }
}

extension Arrival: Explained {
  public var meaning: String {
    switch self {
    case .noSource: "Nothing in the window can raise the event."
    case .masked: "RFLAGS.IF, the platform's mask, or an event that goes first keeps the event out until later."
    case .blocked: "NMIs are blocked there until the next IRET."
    case .ownStack: "The event arrives on a stack of its own, which the gate's IST chooses, and every invariant held."
    case .recovered: "The event arrives, its handler puts the state right first, and every invariant held."
    case .harmful: "The event arrives, and at least one trial broke an invariant; it has a finding."
    case .notTried: "The event could arrive, and the section ended before its turn."
    }
  }
}

extension PostureName {
  /// One sentence; nil for a posture that this version of Limen does not know, as a probe of another version has it.
  public var meaning: String? { Self.meanings[rawValue] }

  private static let meanings: [String: String] = {
    var all = [
      "normal": "A usual stack and usual flags; every register has a value of its own.",
      "rsp-zero": "RSP is 0.",
      "rsp-unmapped": "RSP is 0x600000200000, where nothing is mapped.",
      "rsp-noncanonical": "RSP is 0x0000800000000000, which is not canonical.",
      "rsp-kernel-text": "RSP is 0xffffffff81000000, the kernel's code.",
      "rsp-kernel-direct": "RSP is 0xffff888000100000, in the kernel's direct map.",
      "rsp-chosen": "RSP points into the kernel's own NMI stack.",
      "flags-tf": "RFLAGS.TF is set: a single step is due.",
      "flags-nt": "RFLAGS.NT is set, with which IRET faults in long mode.",
      "flags-ac": "RFLAGS.AC is set, which switches SMAP off in kernel mode until it is cleared.",
      "flags-df": "RFLAGS.DF is set: string instructions go downwards.",
      "flags-all": "RFLAGS.TF, NT, AC and DF are set.",
      "gs-user": "The GS base is an address of user space.",
      "gs-kernel": "The GS base is 0xffff888000100000, by WRGSBASE.",
      "fs-user": "The FS base is an address of user space.",
      "fs-kernel": "The FS base is 0xffff888000100000, by WRFSBASE.",
      "code-top": "The crossing's instruction ends at 0x7ffffffff000, the end of what Linux lets a process map.",
      "code-end": "The crossing's instruction ends at 0x800000000000, behind which no address is canonical.",
      "code-32": "The crossing's instruction is executed by 32-bit code, whose CS is 0x23.",
      "data-ldt": "DS and ES are a segment of the LDT.",
      "stack-ldt": "SS is a segment of the LDT.",
      "alarm-due":
        "An alarm is set, and has run out when the timer's interrupt comes: its signal must reach the task before user mode goes on.",
      "return-sysret": "RCX is the frame's RIP and R11 its RFLAGS, so that SYSRET could restore it.",
      "return-sysret-noncanonical": "As return-sysret, with RIP 0x0000800000000000, where Intel's SYSRET faults.",
      "return-sysret-rcx": "As return-sysret, but RCX is another value, which SYSRET would not restore.",
      "return-sysret-r11": "As return-sysret, but R11 is another value, which SYSRET would not restore.",
      "return-sysret-tf": "As return-sysret, with TF in RFLAGS.",
      "return-sysret-rf": "As return-sysret, with RF in RFLAGS, which SYSRET clears.",
      "return-sysret-cs-32": "As return-sysret, but CS is 0x23, that of 32-bit code.",
      "return-sysret-ss-null": "As return-sysret, but SS is 3, the null selector.",
      "return-cs-32-ss-16bit": "The signal frame's CS is 0x23 and its SS a 16-bit segment of the LDT.",
    ]
    let parts: [(String, String, [(String, String)])] = [
      ("rip", "RIP", [("noncanonical", "not canonical"), ("kernel", "the kernel's code"), ("unmapped", "not mapped")]),
      ("rsp", "RSP", [("zero", "0"), ("noncanonical", "not canonical"), ("kernel", "the kernel's code")]),
      (
        "flags", "RFLAGS",
        [
          ("tf", "TF"), ("nt", "NT"), ("ac", "AC"), ("df", "DF"), ("iopl", "IOPL 3"),
          ("all", "TF, NT, AC, DF and IOPL 3"),
        ]
      ),
      (
        "cs", "CS",
        [
          ("32", "0x23, that of 32-bit code"), ("null", "3, a null selector"), ("kernel", "0x13, a kernel's selector"),
          ("absent", "a code segment that is not present"),
        ]
      ),
      (
        "ss", "SS",
        [
          ("null", "3, the null selector"), ("bad", "0xfffb, beyond the GDT"), ("kernel", "0x1b, a kernel's selector"),
          ("absent", "a segment of the LDT that is not present"), ("ldt", "a segment of the LDT"),
          ("16bit", "a 16-bit segment of the LDT"),
        ]
      ),
    ]
    for (part, title, values) in parts {
      let verb = part == "flags" ? "has" : "is"
      for (name, value) in values { all["return-\(part)-\(name)"] = "The signal frame's \(title) \(verb) \(value)." }
    }
    return all
  }()
}
