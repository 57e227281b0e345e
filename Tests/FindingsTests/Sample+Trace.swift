import Findings

/// One trace that uses every part of the schema. The kernel and its numbers are invented.
extension Sample {
  static let gate: UInt64 = 0xffff_ffff_81c0_1f00

  static func step(
    _ boundary: Int, _ location: Location, _ instruction: String?, target: Location? = nil, executed: Bool = true,
    cpl: Int = 0, rsp: UInt64, _ owners: (Owner, Owner, Owner), accesses: [MemoryAccess]? = nil,
    delivery: TraceDelivery? = nil
  ) -> TraceStep {
    TraceStep(
      boundary: boundary, location: location, instruction: instruction, target: target, executed: executed, cpl: cpl,
      interruptsEnabled: cpl == 3, rflags: cpl == 3 ? 0x246 : 0x46, rsp: rsp, rspOwner: owners.0,
      gsBase: owners.1 == .user ? 0 : 0xffff_8880_1f20_0000, gsOwner: owners.1,
      cr3: owners.2 == .user ? 0x1a01 : 0x1000,
      pageTables: owners.2, accesses: accesses, delivery: delivery)
  }

  static let userStack: UInt64 = 0x7fff_0000_1000
  static let nmiFrame: UInt64 = 0xffff_fe00_0000_6fd8

  static let trace = TraceRecord(
    limen: "0.1.0", kernel: kernel, platform: .bareMetal, profile: .intel, crossing: .syscall64, posture: "normal",
    injections: [
      TraceInjection(boundary: 900, event: .machineCheck, outcome: .notReached),
      TraceInjection(boundary: 1, event: .nmi, outcome: .taken),
      TraceInjection(boundary: 4, event: .externalInterrupt, outcome: .masked),
    ],
    steps: [
      step(0, Location(address: 0x1000_1234), "syscall", cpl: 3, rsp: userStack, (.user, .user, .user)),
      step(
        1, place("entry_SYSCALL_64", entry), "swapgs", executed: false, rsp: userStack, (.user, .user, .user),
        accesses: [
          MemoryAccess(
            .read, location: Location(address: 0xffff_fe00_0000_0020), size: 8, value: 0x81c0_8e02_0010_1f00),
          MemoryAccess(.write, location: Location(address: nmiFrame + 32), size: 8, value: 0x18),
        ],
        delivery: TraceDelivery(
          vector: 2, injected: true, interruptStack: 2, frame: nmiFrame, words: [entry, 0x10, 0x46, userStack, 0x18])),
      step(2, place("asm_exc_nmi", gate), "cld", rsp: 0x1a01, (.none, .user, .user), accesses: []),
      step(
        3, place("asm_exc_nmi", gate, 0x1), "call 0xFFFFFFFF81000000",
        target: Location(address: 0xffff_ffff_8100_0000, symbol: "exc_nmi"), rsp: nmiFrame,
        (.kernel, .kernel, .kernel)),
      step(
        4, place("asm_exc_nmi", gate, 0x6), "mov %gs:(%rbx), %al", executed: false, rsp: nmiFrame,
        (.kernel, .kernel, .shared),
        accesses: [MemoryAccess(.read, location: place("phys_base", 0xffff_ffff_8260_0000), size: 1, value: 0xff)],
        delivery: TraceDelivery(
          vector: 14, errorCode: 0x10, injected: false, interruptStack: 0, frame: nmiFrame - 0x30,
          words: [0x10, gate + 6, 0x10, 0x46, nmiFrame, 0x18])),
      step(5, Location(address: 0x1000_1236), nil, executed: false, cpl: 3, rsp: userStack, (.user, .user, .user)),
    ], end: TraceEnd(.user))

  static let deadTrace = TraceRecord(
    limen: "0.1.0", kernel: kernel, platform: .bareMetal, profile: .amd, crossing: .nmi, posture: "rsp-zero",
    steps: [step(0, Location(address: 0x1000_1234), "nop", executed: false, cpl: 3, rsp: 0, (.user, .user, .shared))],
    end: TraceEnd(.dead, detail: "the processor shut down (triple fault)"))
}
