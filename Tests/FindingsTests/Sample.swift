import Findings

/// One report that uses every part of the schema, for the tests of the formats. The numbers are invented.
enum Sample {
  static let kernel = KernelIdentity(
    name: "vmlinuz-6.1.0-55-cloud-amd64", sha256: "5b41362bc82b7f3d56edc5a306db22105707d01ff4819e26faef9724a2d406c9")

  static func place(_ symbol: String, _ base: UInt64, _ offset: UInt64 = 0) -> Location {
    Location(address: base + offset, symbol: symbol, offset: offset)
  }

  static let entry: UInt64 = 0xffff_ffff_81c0_0040
  static let compat: UInt64 = 0xffff_ffff_81c0_1500

  static let path = Path([
    PathStep(boundary: 2, location: place("entry_SYSCALL_64", entry, 0x9), event: .nmi),
    PathStep(boundary: 31, location: Location(address: 0xffff_ffff_81c0_2000), event: .machineCheck),
  ])

  static let violation = Finding(
    invariant: "rsp-owned", message: "NMI here pushes its frame at the user's RSP",
    location: place("entry_SYSCALL_64", entry, 0x9),
    origin: Origin(
      location: place("entry_SYSCALL_64", entry), explanation: "RSP was last written by the user program"),
    path: path, replay: "limen replay limen-witnesses/sample.json",
    registers: [
      RegisterValue("rip", entry + 9), RegisterValue("rsp", 0x7fff_0000_1000), RegisterValue("cr3", 0x1000),
      RegisterValue("gs", 0xffff_8880_0000_0000), RegisterValue("rflags", 0x2),
    ])

  static let note = Finding(
    invariant: "stack-bounded", severity: .note, message: "the deepest frame leaves 96 bytes",
    location: Location(address: 0xffff_ffff_8100_0000), path: Path(), replay: "limen replay limen-witnesses/note.json")

  static let windows = [
    Window(
      kind: .rsp, crossing: .syscall64, direction: .entry, start: 0, first: place("entry_SYSCALL_64", entry),
      last: place("entry_SYSCALL_64", entry, 0x1c), boundaries: 5,
      events: [
        WindowEvent(.nmi, .harmful, boundaries: 5), WindowEvent(.externalInterrupt, .masked, boundaries: 0),
        WindowEvent(.machineCheck, .ownStack, boundaries: 5, detail: "IST 4"),
        WindowEvent(.debugBreakpoint, .ownStack, boundaries: 4, detail: "IST 3"),
        WindowEvent(.debugBreakpoint, .noSource, boundaries: 0),
      ]),
    Window(
      kind: .gs, crossing: .syscall64, direction: .exit, start: 412,
      first: place("entry_SYSRETQ_unsafe_stack", entry, 0x140), last: place("entry_SYSRETQ_unsafe_stack", entry, 0x140),
      boundaries: 1, events: [WindowEvent(.nmi, .recovered, boundaries: 1)]),
  ]

  static let violated = CheckSection(
    platform: .bareMetal, profile: .intel, crossing: .syscall64, posture: "normal", verdict: .violated,
    baseline: Baseline(instructions: 431, memoryReads: 152, memoryWrites: 97, privilegedOperations: 1),
    boundaries: 413,
    trials: [
      EventTrials(event: .nmi, trials: 413, unique: 400), EventTrials(event: .machineCheck, trials: 413, unique: 1),
    ],
    invariants: [
      InvariantVerdict(invariant: "rsp-owned", verdict: .violated),
      InvariantVerdict(invariant: "gs-owned", verdict: .held),
    ],
    windows: windows, findings: [violation, note],
    costs: Costs(instructions: 1_234_567, forks: 826, pagesRestored: 9000))

  static let sections = [
    violated,
    CheckSection(
      platform: .bareMetal, profile: .intel, crossing: .int80, posture: "rsp-zero", verdict: .held,
      baseline: Baseline(instructions: 1, memoryReads: 1, memoryWrites: 1, privilegedOperations: 1), boundaries: 1,
      trials: [EventTrials(event: .nmi, trials: 1, unique: 1)]),
    CheckSection(
      platform: .bareMetal, profile: .amd, crossing: .sysenter, posture: "normal",
      verdict: .notApplicable(reason: "SYSENTER raises #UD in long mode")),
    CheckSection(
      platform: .bareMetal, profile: .amd, crossing: .syscall64, posture: "normal",
      verdict: .inconclusive(bound: "a trial ran 1000000 instructions")),
    CheckSection(
      platform: .bareMetal, profile: .amd, crossing: .syscall64, posture: "ac",
      verdict: .internalError(message: "two baselines differ")),
    CheckSection(
      platform: .xenPV, profile: .intel, crossing: .syscall64, posture: "normal",
      verdict: .unsupported(what: "WBINVD", where: "native_wbinvd+0x4")),
  ]

  static let report = CheckReport(limen: "0.1.0", kernel: kernel, ablations: ["nmi-without-ist"], sections: sections)

  static let held = CheckReport(limen: "0.1.0", kernel: kernel, sections: [sections[1]])

  static let collection = CheckCollection(
    limen: "0.1.0",
    reports: [
      held,
      CheckReport(
        limen: "0.1.0", kernel: KernelIdentity(name: "design:enter-later:before-masked", sha256: kernel.sha256),
        sections: [
          CheckSection(
            platform: .xenPV, profile: .intel, crossing: .syscall64, posture: "normal", verdict: .violated,
            baseline: Baseline(instructions: 110, memoryReads: 40, memoryWrites: 30, privilegedOperations: 1),
            boundaries: 109,
            windows: [
              Window(
                kind: .interrupts, crossing: .syscall64, direction: .entry, start: 9, first: place("entry_join", entry),
                last: place("entry_join", entry, 2), boundaries: 2,
                events: [WindowEvent(.eventUpcall, .harmful, boundaries: 2)]),
              Window(
                kind: .interruptTrace, crossing: .syscall64, direction: .exit, start: 90,
                first: place("return_to_user", entry, 0x40), last: place("return_to_user", entry, 0x44), boundaries: 2),
            ])
        ]),
    ])

  static let thread = ThreadReport(
    limen: "0.1.0", designs: ["2015", "complete"], kernels: ["vmlinuz|6.1"],
    answers: [
      ThreadAnswer(
        title: "Would this work?", author: "Andy Lutomirski", words: "Would this work?",
        commands: ["limen check design:complete"], outcome: .partly, answer: "On one of two platforms.",
        evidence: [
          ThreadTable("What ran", header: ["design", "verdict"], rows: [["2015", "violated"], ["complete", "held"]])
        ])
    ],
    costs: ThreadTable("Instructions.", header: ["kernel", "in"], rows: [["2015", "35"], ["complete", "30"]]))

  static let witness = Witness(
    limen: "0.1.0", kernel: kernel, kernelPath: "/srv/kernels/vmlinuz-6.1.0-55-cloud-amd64", platform: .bareMetal,
    profile: .intel, memory: 512, commandLine: "console=ttyS0 panic=-1", crossing: .syscall64, posture: "normal",
    seed: 0xfeed_f00d_dead_beef, ablations: ["nmi-without-ist"], invariant: "rsp-owned", path: path)

  static let invariant = InvariantDescription(
    identifier: "rsp-owned",
    claim: "No event is delivered onto a stack that the user program chose.",
    why: """
      SYSCALL leaves RSP as the user had it. An event that arrives before the kernel has loaded its own stack pointer, \
      through a gate without an IST, writes its frame wherever that RSP points.
      A second paragraph.
      """,
    citation: "Intel SDM vol. 3A, \"Stack Switching in IA-32e Mode\"", specimens: ["nmi-without-ist", "db-without-ist"])
}
