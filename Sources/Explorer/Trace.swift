/// A crossing written down boundary by boundary, with the events that a path names, for `limen trace`.
///
/// Whose state each boundary runs on is asked twice, as in an exploration, of the run with the events in it.
import Execution
import Findings
import Invariants
import Machine
import Platform
import Subjects

/// Why there is nothing to trace: the crossing does not apply, or something on the way to it is not supported.
public struct TraceRefusal: Error, CustomStringConvertible {
  public var kernel: String
  public var verdict: Verdict
  public var description: String { "\(kernel): \(verdict)" }
}

extension Checker {
  /// Runs the first crossing from the first posture under the first profile, and writes it down.
  ///
  /// - Parameters:
  ///   - events: what to make happen, by boundary; boundary 0 is the user's, before the crossing.
  ///   - showsRun: the accesses and the registers are written down too, for a page on which the run is played.
  public func trace(
    _ events: [Int: EventKind], accesses: Bool, showsRun: Bool = false, progress: (String) -> Void
  ) throws -> TraceRecord {
    let machine = try ready(progress)
    let exploration = Exploration(
      machine, crossing: crossings[0], posture: postures[0], events: [], ablations: ablations
    ) { _, _ in "" }
    do {
      return try exploration.trace(events, accesses: accesses || showsRun, registers: showsRun, of: identity)
        .sourced(sourceLine)
    } catch let stop as Stop {
      throw TraceRefusal(kernel: kernelPath, verdict: stop.verdict)
    }
  }
}

extension Exploration {
  /// Longer traces are given up: nobody reads them, and an event may lead to a kernel that never comes back.
  static let longestTrace = 200_000

  /// - Parameters:
  ///   - registers: the general registers are written down too.
  ///   - longest: so many boundaries are.
  func trace(
    _ events: [Int: EventKind], accesses: Bool, registers: Bool = false, longest: Int = Exploration.longestTrace,
    of kernel: KernelIdentity
  ) throws -> TraceRecord {
    try requireGuards()
    try machine.position(crossing: crossing, posture: posture)
    defer { machine.leave() }
    mend()
    var user = machine.userSide(crossing)
    let swapgs = try ablate(&user)
    // Listening changes what the translation caches hold, so all three runs are listened to or none.
    let listener = accesses ? AccessListener() : nil
    computer.processor.observer = listener
    defer { computer.processor.observer = nil }

    let boundaries = machine.observe(
      crossing, &user, events, ablations, swapgs, longest: longest
    ).boundaries
    return walk(boundaries, user, events, swapgs, listener, registers: registers, of: kernel)
  }

  /// Takes the guards away, as an exploration does: where they are is found on the kernel as it is. Returns how many SWAPGS the
  /// crossing has.
  private func ablate(_ user: inout UserSide) throws -> Int {
    guard !ablations.isEmpty else { return 0 }
    let sound = machine.observe(crossing, &user, longest: Self.longestTrace)
    try takeGuardsAway(user, sound.boundaries)
    return sound.swapgs
  }

  /// The same run a third time, with a line for each boundary.
  private func walk(
    _ boundaries: [Boundary], _ user: UserSide, _ events: [Int: EventKind], _ swapgs: Int, _ listener: AccessListener?,
    registers: Bool, of kernel: KernelIdentity
  ) -> TraceRecord {
    computer.restore()
    _ = listener?.take()
    let processor = computer.processor
    let run = machine.run(user, crossing, ablations, swapgs)
    // Where kernel and user run at one privilege level, that says nothing.
    let saysMode = boundaries.contains { $0.state.isKernel && $0.state.cpl == 3 }
    var calls: [String] = []
    computer.hearHypercalls { calls.append($0) }
    defer { computer.hearHypercalls(nil) }
    var outcomes = events.mapValues { _ in InjectionOutcome.notReached }
    var steps: [TraceStep] = []
    /// A line for the boundary at which the run stands.
    func open() {
      let boundary = boundaries[steps.count]
      guard processor.rip == boundary.state.rip else { preconditionFailure("two equal runs of a crossing differ") }
      var step = step(at: steps.count, boundary, user)
      if registers {
        step.registers = (0..<16).map { HexadecimalWord(processor[GeneralRegister(rawValue: $0)!]) }
      }
      if saysMode { step.mode = mode(of: boundary.state) }
      steps.append(step)
    }
    var (retired, delivered, written) = (processor.retired, 0, 0)
    /// Completes the last line by what has happened since.
    func close() {
      guard let index = steps.indices.last else { return }
      steps[index].executed = processor.retired != retired
      steps[index].accesses = listener.map { $0.take().map(access) }
      if !calls.isEmpty { steps[index].hypercalls = calls }
      calls = []
      let deliveries = run.deliveries.dropFirst(delivered).map(delivery)
      steps[index].delivery = deliveries.last
      if deliveries.count > 1 { steps[index].outerDeliveries = deliveries.dropLast() }
      let writes = run.writes.all.dropFirst(written).map { TracePart($0.part) }
      if !writes.isEmpty { steps[index].writes = writes.sorted() }
      (retired, delivered, written) = (processor.retired, run.deliveries.count, run.writes.all.count)
    }
    let end = run.play(
      goesOn: { run.hasEvent(events) },
      choosing: {
        close()
        let index = steps.count
        guard index < boundaries.count else { return .stop }
        open()
        if let event = events[index] { outcomes[index] = outcome(of: computer.obstacle(to: event)) }
        return run.choice(events)
      })
    if end != nil {
      close()
      // In user mode again: what comes next there is not executed.
      if steps.count < boundaries.count { open() }
    }
    return TraceRecord(
      kernel: kernel, platform: computer.platform, profile: machine.profileName, crossing: crossing, posture: posture,
      ablations: ablations.map(\.name),
      injections: events.map { TraceInjection(boundary: $0, event: $1, outcome: outcomes[$0]!) }, steps: steps,
      end: traceEnd(end, boundaries.count))
  }

  private func outcome(of obstacle: Arrival?) -> InjectionOutcome {
    switch obstacle {
    case nil: .taken
    case .masked: .masked
    case .blocked: .blocked
    default: .noSource
    }
  }

  private func traceEnd(_ end: RunEnd?, _ boundaries: Int) -> TraceEnd {
    switch end {
    case .user: TraceEnd(.user)
    case .dead(let how): TraceEnd(.dead, detail: how)
    case .unsupported(let what):
      TraceEnd(.unsupported, detail: "\(what) at \(machine.location(computer.processor.rip))")
    case .bound, nil: TraceEnd(.bound, detail: "the trace is \(boundaries) boundaries long")
    }
  }

  // MARK: One boundary

  /// Where a hypervisor's own bytes run, all privilege is theirs.
  private func mode(of state: BoundaryState) -> TraceStep.Mode {
    if !state.isKernel { return .user }
    return computer.platform.needsHypervisor && state.cpl != 3 ? .hypervisor : .kernel
  }

  private func step(at index: Int, _ boundary: Boundary, _ user: UserSide) -> TraceStep {
    let state = boundary.state
    let isUser = !state.isKernel
    func owner(_ flag: Ownership) -> Owner { isUser || boundary.ownership.contains(flag) ? .user : .kernel }
    let hasStack = isUser || !boundary.ownership.contains(.noStack)
    let rspOwner = owner(.userRSP) == .kernel && !hasStack ? Owner.none : owner(.userRSP)
    let text = computer.processor.disassemble(at: state.rip)?.text
    return TraceStep(
      boundary: index, location: machine.location(state.rip), instruction: text,
      target: text.flatMap(Self.branchTarget).map(machine.location).flatMap { $0.symbol == nil ? nil : $0 },
      executed: false, cpl: Int(state.cpl), interruptsEnabled: state.interruptsOpen,
      rflags: state.rflags.rawValue, rsp: state.rsp, rspOwner: rspOwner, gsBase: state.gsBase,
      gsOwner: owner(.userGS), cr3: state.cr3, pageTables: user.hasSplitTables ? owner(.userTables) : .shared)
  }

  /// The address in a direct jump or call as the disassembler writes it: a mnemonic and one absolute operand.
  static func branchTarget(_ text: String) -> UInt64? {
    let parts = text.split(separator: " ")
    guard parts.count == 2, parts[0].hasPrefix("j") || parts[0].hasPrefix("call"), parts[1].hasPrefix("0x") else {
      return nil
    }
    return UInt64(parts[1].dropFirst(2), radix: 16)
  }

  private func access(_ heard: AccessListener.Access) -> MemoryAccess {
    MemoryAccess(heard.kind, location: machine.location(heard.address), size: heard.size, value: heard.value)
  }

  private func delivery(_ record: DeliveryRecord) -> TraceDelivery {
    let bytes = computer.processor.bytes(atLinear: record.frame, count: record.wordCount * 8) ?? []
    let words = stride(from: 0, to: bytes.count, by: 8).map { start in
      bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    return TraceDelivery(
      vector: record.vector.map(Int.init), bounce: record.isBounce ? record.name : nil,
      errorCode: record.errorCode.map(UInt64.init), injected: record.injected,
      interruptStack: record.fred == nil ? record.interruptStack : 0, frame: record.frame, words: words,
      fred: record.fred.map { TraceFRED($0, stackLevel: record.interruptStack) })
  }
}

extension TracePart {
  fileprivate init(_ part: StatePart) {
    self =
      switch part {
      case .rsp: .rsp
      case .gsBase: .gsBase
      case .cr3: .cr3
      }
  }
}

extension TraceFRED {
  fileprivate init(_ delivered: FREDDelivered, stackLevel: Int) {
    let kind: Kind =
      switch delivered.kind {
      case 0: .externalInterrupt
      case 2: .nmi
      case 3: .hardwareException
      case 4: .softwareInterrupt
      case 5: .privilegedInterrupt
      case 6: .softwareException
      default: delivered.isSysenter ? .sysenter : .syscall
      }
    self.init(
      kind, stackLevel: stackLevel, previousStackLevel: Int(delivered.oldLevel), nested: delivered.isNested)
  }
}

/// Keeps what it hears until somebody takes it.
private final class AccessListener: Observer {
  struct Access {
    var kind: MemoryAccess.Kind
    var address: UInt64
    var size: Int
    var value: UInt64
  }

  private var heard: [Access] = []

  func take() -> [Access] {
    defer { heard = [] }
    return heard
  }

  func read(_ linear: UInt64, size: Int, value: UInt64) {
    heard.append(Access(kind: .read, address: linear, size: size, value: value))
  }

  func wrote(_ linear: UInt64, size: Int, value: UInt64) {
    heard.append(Access(kind: .write, address: linear, size: size, value: value))
  }

  func delivered(_ vector: Vector, errorCode: UInt32?, from rip: UInt64) {}
}
