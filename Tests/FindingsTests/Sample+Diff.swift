import Findings

/// One diff and one trace of a Xen PV guest that use every part of the schema. The numbers are invented.
extension Sample {
  static let pvSection = CheckSection(
    platform: .xenPV, profile: .intel, crossing: .syscall64, posture: "normal", verdict: .held,
    baseline: Baseline(instructions: 260, memoryReads: 90, memoryWrites: 60, privilegedOperations: 2), boundaries: 250,
    trials: [EventTrials(event: .nmiCallback, trials: 250, unique: 250)],
    invariants: [InvariantVerdict(invariant: "rsp-owned", verdict: .held)])

  static let diff = DiffReport(
    limen: "0.1.0",
    sides: [
      DiffSide(kernel: kernel, platform: .bareMetal, profile: .intel),
      DiffSide(kernel: kernel, platform: .xenPV, profile: .intel),
    ],
    crossings: [
      DiffCrossing(
        crossing: .sysenter, posture: "normal",
        sides: [
          DiffCell(
            section: sections[1],
            parts: CrossingParts(
              wayIn: CrossingCost(instructions: 1, memoryReads: 1, memoryWrites: 1, privilegedOperations: 1),
              work: CrossingCost(), wayOut: CrossingCost())),
          DiffCell(
            section: CheckSection(
              platform: .xenPV, profile: .intel, crossing: .sysenter, posture: "normal",
              verdict: .notApplicable(reason: "the probe has no crossing sysenter")), parts: nil),
        ]),
      DiffCrossing(
        crossing: .syscall64, posture: "normal",
        sides: [
          DiffCell(
            section: violated,
            parts: CrossingParts(
              wayIn: CrossingCost(instructions: 50, memoryReads: 2, memoryWrites: 22, privilegedOperations: 3),
              work: CrossingCost(instructions: 331, memoryReads: 130, memoryWrites: 72),
              wayOut: CrossingCost(instructions: 50, memoryReads: 20, memoryWrites: 3, privilegedOperations: 4))),
          DiffCell(
            section: pvSection,
            parts: CrossingParts(
              wayIn: CrossingCost(instructions: 30, memoryReads: 4, memoryWrites: 26),
              work: CrossingCost(
                instructions: 200, memoryReads: 76, memoryWrites: 33, privilegedOperations: 1,
                hypercalls: [HypercallCount("xen_version(0)", 1)]),
              wayOut: CrossingCost(
                instructions: 30, memoryReads: 10, memoryWrites: 1, privilegedOperations: 3,
                hypercalls: [HypercallCount("multicall", 1), HypercallCount("iret", 2)]))),
        ]),
    ])

  /// The same with what only a hypervisor's own bytes add to it.
  static let diffOnXen: DiffReport = {
    var crossings = diff.crossings
    crossings[0].sides[0].parts?.wayIn.hypervisorInstructions = 5
    return DiffReport(
      limen: diff.limen, sides: diff.sides, crossings: crossings,
      agreements: [
        Agreement(
          kernel: kernel, profile: .intel, crossing: .syscall64, posture: "normal", verdict: .violated, boundaries: 90,
          entries: 3,
          trials: [AgreementTrials(model: .nmiCallback, original: .nmi, trials: 80, entries: 240, oneSided: 10)],
          differences: [
            AgreementDifference(
              what: "rsp", model: "0x10", original: "0x18", from: place("xen_iret", entry),
              event: PathStep(boundary: 2, location: place("xen_iret", entry), event: .nmiCallback))
          ])
      ])
  }()

  static let pvTrace = TraceRecord(
    limen: "0.1.0", kernel: kernel, platform: .xenPV, profile: .intel, crossing: .syscall64, posture: "normal",
    injections: [TraceInjection(boundary: 2, event: .eventUpcall, outcome: .masked)],
    steps: [
      TraceStep(
        boundary: 0, location: Location(address: 0x1000_1234), instruction: "syscall", cpl: 3, mode: .user,
        interruptsEnabled: true, rflags: 0x246, rsp: userStack, rspOwner: .user, gsBase: 0, gsOwner: .user,
        cr3: 0x2000, pageTables: .user,
        delivery: TraceDelivery(
          vector: nil, bounce: "SYSCALL", injected: false, interruptStack: 0, frame: 0xffff_c900_0000_3fc8,
          words: [0x1000_1236, 0x246, 0x1000_1236, 0xe033, 0x246, userStack, 0xe02b])),
      TraceStep(
        boundary: 1, location: place("xen_entry_SYSCALL_64", entry), instruction: "movq (%rsp), %rcx", cpl: 3,
        mode: .kernel, interruptsEnabled: false, rflags: 0x202, rsp: 0xffff_c900_0000_3fc8, rspOwner: .kernel,
        gsBase: 0xffff_8880_1f20_0000, gsOwner: .kernel, cr3: 0x1000, pageTables: .kernel),
      TraceStep(
        boundary: 2, location: place("xen_iret", entry, 0x80), instruction: "syscall", cpl: 3, mode: .kernel,
        interruptsEnabled: false, rflags: 0x202, rsp: 0xffff_c900_0000_3fb8, rspOwner: .kernel,
        gsBase: 0xffff_8880_1f20_0000, gsOwner: .kernel, cr3: 0x1000, pageTables: .kernel, hypercalls: ["iret"],
        delivery: TraceDelivery(
          vector: 14, bounce: "vector 14", errorCode: 0x10, injected: false, interruptStack: 0,
          frame: 0xffff_c900_0000_3f80, words: [0, 0, 0x14, 0x1000_1236, 0xe033, 0x246, userStack, 0xe02b])),
      TraceStep(
        boundary: 3, location: Location(address: 0x1000_1236), instruction: nil, executed: false, cpl: 3, mode: .user,
        interruptsEnabled: true, rflags: 0x246, rsp: userStack, rspOwner: .user, gsBase: 0, gsOwner: .user,
        cr3: 0x2000, pageTables: .user),
    ], end: TraceEnd(.user))
}
