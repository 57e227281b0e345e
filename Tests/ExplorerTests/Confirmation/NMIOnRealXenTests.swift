import Foundation
import Testing

/// Goal: what Limen says of an NMI in the designs' thresholds happens on real Xen. A design runs the probe as the dom0 kernel
/// of Debian's Xen 4.17 under QEMU, Xen being told that NMIs are dom0's. Its processor is stopped before each
/// instruction of one crossing through QEMU's gdb stub, the monitor raises an NMI there, and the processor goes on: to the kernel's
/// NMI callback, where the frame must be where Limen says, or to the end of the domain.
///
/// create_bounce_frame, xen/arch/x86/x86_64/entry.S:
///
///     ss                     <- RSP before the NMI, aligned down to 16
///     rsp
///     rflags
///     cs | upcall mask << 32    RPL 0: the guest's kernel mode
///     rip                       the boundary
///     r11
///     rcx                    <- RSP
@Suite(.serialized) struct NMIOnRealXenTests {
  static let callback = "xen_trap_2"
  static let frameSize: UInt64 = 7 * 8

  /// An NMI at a boundary: where the frame was found, and what it holds from its lowest word.
  struct Landing {
    let step: LimenTrace.Step
    let rsp: UInt64
    let frame: UInt64
    let words: [UInt64]
  }

  /// An NMI at each of some boundaries of a crossing that the user makes in one posture, in turn, in one boot.
  struct Sweep {
    let userRSP: UInt64
    let landings: [Landing]
    /// The words below the user's RSP before the crossing, and after it, read in user mode by the user's page tables; nil where
    /// nothing is mapped there.
    let below: (before: [UInt64]?, after: [UInt64]?)
    let log: [String]

    func isOnUserStack(_ landing: Landing) -> Bool { (userRSP &- 256..<userRSP).contains(landing.frame) }
  }

  /// With the cache that its user has.
  static func limen() throws -> LimenProgram {
    let environment = ProcessInfo.processInfo.environment
    let home = environment["XDG_CACHE_HOME"] ?? FileManager.default.homeDirectoryForCurrentUser.path + "/.cache"
    return LimenProgram(
      probe: try probe().deletingPathExtension().appendingPathExtension("elf").path,
      cache: environment["LIMEN_CACHE"] ?? home + "/limen")
  }

  static func probe() throws -> URL {
    _ = try Probe.built()
    return Probe.root.appendingPathComponent(".build-probe/probe.cpio")
  }

  static func run<Result>(_ design: Design, _ profile: String, _ body: (XenMachine) throws -> Result) throws -> Result {
    try XenMachine.run(kernel: design.path, initramfs: try probe().path, profile: profile, body)
  }

  /// A boot that stands at a boundary of the crossing. A tick may send the kernel another way, and the machine then ends without
  /// having been there.
  private static func run(
    _ design: Design, _ profile: String, to step: LimenTrace.Step, of trace: LimenTrace,
    _ body: (XenMachine) throws -> Void
  ) throws {
    func attempt() throws {
      try run(design, profile) { machine in
        let stub = machine.stub
        do {
          try arrive(stub, trace)
          try stub.run(to: step.location.address.value) { try stub.rsp == step.rsp.value }
        } catch is GDBStub.Gone { throw AnotherWay() }
        try body(machine)
      }
    }
    for _ in 0..<4 {
      do { return try attempt() } catch is AnotherWay {}
    }
    try attempt()
  }

  /// Up to the user's instruction that crosses, in the posture that the trace began with.
  static func arrive(_ stub: GDBStub, _ trace: LimenTrace) throws {
    let first = trace.steps[0]
    try stub.run(to: first.location.address.value) { try stub.rsp == first.rsp.value }
  }

  /// On to a boundary of the crossing, which is mostly one instruction away. A hypercall takes longer, and so does an event that
  /// Limen's run did not have.
  static func advance(_ stub: GDBStub, to step: LimenTrace.Step, rsp: UInt64?, user: LimenTrace.Step) throws {
    let address = step.location.address.value
    try stub.step()
    let now = try stub.registers
    if now.rip == address, rsp == nil || now.rsp == rsp { return }
    let stop = try stub.run(to: address, user.location.address.value) {
      try rsp == nil || stub.rsp == rsp || stub.rsp == user.rsp.value
    }
    guard stop == address else { throw AnotherWay() }
  }

  /// The kernel's timer ticked, and the crossing went on by another path than Limen's.
  struct AnotherWay: Error {}

  /// Raises an NMI where the processor stands, sees it arrive at the kernel's callback, and comes back.
  static func interrupt(_ stub: GDBStub, at step: LimenTrace.Step, callback: UInt64) throws -> Landing {
    let before = try stub.registers
    try stub.monitor("nmi")
    try stub.run(to: callback)
    let frame = try stub.rsp
    let landing = Landing(step: step, rsp: before.rsp, frame: frame, words: try stub.words(at: frame, count: 7))
    try stub.run(to: before.rip) { try stub.rsp == before.rsp }
    return landing
  }

  /// A boot for each run of boundaries with interrupts off, or on: NMIs take time, and a tick that arrives after them may send
  /// the kernel another way.
  static func sweep(_ design: Design, _ trace: LimenTrace, _ profile: String) throws -> [Sweep] {
    var parts: [[LimenTrace.Step]] = []
    for step in trace.kernelSteps {
      if parts.last?.last?.interruptsEnabled == step.interruptsEnabled {
        parts[parts.count - 1].append(step)
      } else {
        parts.append([step])
      }
    }
    return try parts.map { part in
      for _ in 0..<4 {
        do { return try sweep(design, trace, part, profile) } catch is AnotherWay {}
      }
      return try sweep(design, trace, part, profile)
    }
  }

  private static func sweep(
    _ design: Design, _ trace: LimenTrace, _ part: [LimenTrace.Step], _ profile: String
  ) throws -> Sweep {
    let callback = try design.symbol(Self.callback)
    let (entered, user) = (try #require(trace.kernelSteps.first), try #require(trace.steps.last))
    return try run(design, profile) { machine in
      let stub = machine.stub
      try arrive(stub, trace)
      let userRSP = trace.steps[0].rsp.value
      let userTables = try stub.pageTables
      let (lowest, count) = (userRSP &- 128, 16)
      let before = try? stub.words(at: lowest, count: count)
      try advance(stub, to: entered, rsp: nil, user: user)
      // The kernel's stacks may lie elsewhere than in Limen.
      let moved = try stub.rsp &- entered.rsp.value

      var landings: [Landing] = []
      for step in part {
        let rsp = step.isInWindow ? step.rsp.value : step.rsp.value &+ moved
        if step.boundary > entered.boundary { try advance(stub, to: step, rsp: rsp, user: user) }
        #expect(try stub.pageTables != userTables, "\(step.place) runs on the user's page tables")
        landings.append(try interrupt(stub, at: step, callback: callback))
      }
      try stub.run(to: user.location.address.value) { try stub.rsp == user.rsp.value }
      #expect(try stub.pageTables == userTables)
      let after = try? stub.words(at: lowest, count: count)
      try stub.go()
      return Sweep(userRSP: userRSP, landings: landings, below: (before, after), log: try machine.guestLines())
    }
  }

  /// By the rules of create_bounce_frame for an event in the guest's kernel mode.
  static func expectAFrame(_ landing: Landing) {
    let place = landing.step.place
    #expect(landing.frame == landing.rsp & ~15 &- Self.frameSize, "\(place)")
    #expect(landing.words[2] == landing.step.location.address.value, "\(place)")
    #expect(landing.words[3] & 0xFFFF == 0xE030, "\(place)")
    #expect(landing.words[5] == landing.rsp, "\(place)")
    #expect(landing.words[6] == 0xE02B, "\(place)")
  }

  static func places(_ steps: [LimenTrace.Step]) -> [String] { steps.map { "\($0.boundary) \($0.place)" } }

  // MARK: The frame

  /// The design of 2015: three boundaries on the way in and three on the way out push onto the user's stack, and leave a
  /// kernel's exception frame where the user can read it.
  @Test(arguments: ["amd", "intel"])
  func framesOf2015LandOnTheUsersStack(profile: String) throws {
    let (design, limen) = (try Design("2015"), try Self.limen())
    let trace = try LimenTrace.of(design.path, crossing: "syscall64", posture: "normal", profile: profile, by: limen)
    let window = trace.window
    let section = try LimenSection.ofNMIs(
      design.path, crossing: "syscall64", posture: "normal", profile: profile, by: limen)
    let windows = section.windows.filter { $0.kind == "rsp" }
    #expect(windows.map(\.direction) == ["in", "out"])
    #expect(windows.map(\.boundaries) == [3, 3])
    #expect(windows.flatMap { $0.start..<$0.start + $0.boundaries } == window.map(\.boundary))
    #expect(
      windows.flatMap(\.events).map { "\($0.event) \($0.arrival) \($0.boundaries)" }
        == Array(repeating: "nmi-callback harmful 3", count: 2))
    let findings = section.findings.filter { $0.severity == "violation" }
    #expect(findings.map(\.invariant) == ["rsp-owned"])
    #expect(findings.first?.path.map(\.boundary) == [window[0].boundary])

    let sweeps = try Self.sweep(design, trace, profile)
    #expect(sweeps.flatMap(\.landings).count == trace.kernelSteps.count)
    sweeps.flatMap(\.landings).forEach(Self.expectAFrame)
    let onUserStack = sweeps.flatMap { sweep in sweep.landings.filter(sweep.isOnUserStack) }
    #expect(Self.places(onUserStack.map(\.step)) == Self.places(window))
    for landing in onUserStack {
      // Word by word what the witness's run has.
      let witness = try LimenTrace.of(
        design.path, crossing: "syscall64", posture: "normal", profile: profile, nmiAt: landing.step.boundary, by: limen
      )
      let delivery = try #require(witness.steps.compactMap(\.delivery).first { $0.injected })
      #expect(landing.frame == delivery.frame.value, "\(landing.step.place)")
      #expect(landing.words == delivery.words.map(\.value), "\(landing.step.place)")
    }
    // The last frame is still there in user mode.
    let last = try #require(onUserStack.last)
    let below = try #require(sweeps.last).below
    let (before, after) = (try #require(below.before), try #require(below.after))
    #expect(!before.contains(last.step.location.address.value))
    #expect(after.contains(last.step.location.address.value))
    for sweep in sweeps { try FourPlacesTests.expectWhole(sweep.log) }
  }

  static let calls: [(crossing: String, posture: String, profile: String)] = [
    ("syscall64", "normal", "amd"), ("syscall64", "normal", "intel"), ("syscall64", "rsp-unmapped", "amd"),
    ("syscall64", "rsp-noncanonical", "intel"), ("syscall32", "normal", "amd"), ("sysenter", "normal", "intel"),
  ]

  /// Both halves of the thread: wherever the NMI comes, its frame is on the kernel's stack, and the user is not disturbed.
  @Test(arguments: calls)
  func framesOfCompleteLandOnTheKernelsStack(crossing: String, posture: String, profile: String) throws {
    let (design, limen) = (try Design("complete"), try Self.limen())
    let trace = try LimenTrace.of(design.path, crossing: crossing, posture: posture, profile: profile, by: limen)
    #expect(Self.places(trace.window) == [])
    let section = try LimenSection.ofNMIs(
      design.path, crossing: crossing, posture: posture, profile: profile, by: limen)
    #expect(section.windows.isEmpty && section.findings.isEmpty)
    let sweeps = try Self.sweep(design, trace, profile)
    #expect(sweeps.flatMap(\.landings).count == trace.kernelSteps.count)
    for sweep in sweeps {
      sweep.landings.forEach(Self.expectAFrame)
      #expect(sweep.landings.filter(sweep.isOnUserStack).map(\.step.place) == [])
      #expect(sweep.below.before == sweep.below.after)
      try FourPlacesTests.expectWhole(sweep.log)
    }
  }

  // MARK: The end of the domain

  /// The boundaries of the windows of 2015, for each call; where RSP points says how many of them end the domain.
  static let windows: [(crossing: String, posture: String, profile: String, boundaries: Int, deadly: Int)] = [
    ("syscall64", "rsp-unmapped", "amd", 6, 6), ("syscall64", "rsp-noncanonical", "intel", 6, 6),
    // Xen's frame of a SYSENTER has an RSP of 0; on the way out RSP is what the user had in EBP.
    ("sysenter", "normal", "intel", 6, 3),
    // One more instruction before the kernel's stack is loaded.
    ("syscall32", "normal", "amd", 7, 0),
  ]

  /// One NMI in the window is the domain's end where Xen cannot push, and else a frame on the user's stack: as in Limen.
  @Test(arguments: windows)
  func eachBoundaryOfTheWindowDoesWhatTheWitnessDoes(
    crossing: String, posture: String, profile: String, boundaries: Int, deadly: Int
  )
    throws
  {
    let (design, limen) = (try Design("2015"), try Self.limen())
    let trace = try LimenTrace.of(design.path, crossing: crossing, posture: posture, profile: profile, by: limen)
    #expect(trace.window.count == boundaries)
    let callback = try design.symbol(Self.callback)
    var ends = 0
    for step in trace.window {
      let witness = try LimenTrace.of(
        design.path, crossing: crossing, posture: posture, profile: profile, nmiAt: step.boundary, by: limen)
      try Self.run(design, profile, to: step, of: trace) { machine in
        let stub = machine.stub
        try stub.monitor("nmi")
        guard witness.end.kind == "dead" else {
          let delivery = try #require(witness.steps.compactMap(\.delivery).first { $0.injected })
          try stub.run(to: callback)
          #expect(try stub.rsp == delivery.frame.value, "\(step.place)")
          #expect(try stub.words(at: stub.rsp, count: 7) == delivery.words.map(\.value), "\(step.place)")
          return
        }
        ends += 1
        try stub.setBreakpoint(callback)
        try stub.go()
        #expect(throws: GDBStub.Gone.self, "\(step.place): the callback was reached") { try stub.stopped() }
        let lines = try machine.guestLines()
        #expect(lines.last == "XEN crashed", "\(step.place): \(lines)")
      }
    }
    #expect(ends == deadly)
  }
}
