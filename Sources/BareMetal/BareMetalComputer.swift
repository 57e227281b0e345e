/// The whole computer: one processor, RAM and the board, and the loop that lets them act on each other.
///
/// Everything that happens follows from the start: the board is told the virtual time, the processor runs to the board's next
/// deadline or to the end of an instruction that used the board, which answers at once (`BareMetalComputer+Bus.swift`). A kernel
/// powers off by halting with interrupts disabled, or by ACPI's soft off.
import Machine

public final class BareMetalComputer {
  public let processor: Processor
  public var board: Board
  /// Hears the bytes that the guest sends over its serial port.
  public var console: ((UInt8) -> Void)?

  private var forks: [Board] = []
  /// Numbers for boards: see `StateNumbers`.
  public var settledBoards = StateNumbers<Board>()
  public private(set) var platformUses = 0
  /// What the last instruction asked of whoever runs the machine.
  var outcome = BoardOutcome.continue

  /// Why a run ended.
  public enum End: Sendable {
    case budget
    /// The processor halts and nothing can wake it: how a kernel powers off or stops for good.
    case powerOff
    /// It was switched off, as ACPI has it.
    case softOff
    /// A reset was asked for, or the processor shut down (a triple fault): `byShutdown`.
    case reset(byShutdown: Bool)
    /// The guest wrote to the debug-exit port.
    case debugExit(status: UInt32)
    case unsupported(Unsupported)
  }

  /// - Parameter memorySize: RAM in bytes, a multiple of 4096.
  public init(memorySize: Int, profile: Profile, hasLocalAPIC: Bool = true) throws(StartRefusal) {
    guard let memory = PhysicalMemory(size: memorySize) else { throw .noMemory(bytes: memorySize) }
    processor = Processor(memory: memory, profile: profile)
    board = Board(hasLocalAPIC: hasLocalAPIC)
    processor.bus = self
  }

  /// A computer that goes on from a snapshot: RAM from an open file, privately mapped.
  public init(memorySize: Int, file descriptor: Int32, state: ProcessorState, board: Board, profile: Profile)
    throws(StartRefusal)
  {
    guard let memory = PhysicalMemory(size: memorySize, privateCopyOf: descriptor) else {
      throw .noMemory(bytes: memorySize)
    }
    processor = Processor(memory: memory, profile: profile)
    processor.setState(state)
    self.board = board
    processor.bus = self
  }

  // MARK: Running

  /// What the board does between two stretches takes as long as this many instructions.
  private static let roundCost: UInt64 = 32

  /// Runs until `budget` is spent (see `Processor.spent`), `position` is reached, a stop was requested or the machine is over; with
  /// `address`, also until the instruction there is next.
  public func run(_ budget: UInt64, until address: UInt64? = nil, toward position: UInt64 = .max) -> End {
    let limit = processor.spent &+ budget
    while true {
      synchronise()
      let spent = processor.spent
      if spent >= limit || processor.position >= position || processor.isStopRequested || processor.rip == address {
        return .budget
      }
      // No step spends less than one.
      var slice = min(limit - spent, position - processor.position)
      if let deadline = board.nextDeadline(after: processor.now) {
        slice = min(slice, max(1, processor.instructions(until: deadline)))
      }
      let before = processor.position
      let exit = address.map { processor.run(slice, until: $0) } ?? processor.run(slice)
      processor.charge(Self.roundCost)
      if let end = answer(exit, since: before) { return end }
    }
  }

  /// Takes one step: one instruction, or the delivery of one event that is due, or a wait up to the board's next deadline.
  public func step() -> End {
    synchronise()
    let before = processor.position
    return answer(processor.step(), since: before) ?? .budget
  }

  /// Answers an exit of a stretch that began at a position: one that began halted and ends so is a step.
  private func answer(_ exit: Exit, since position: UInt64) -> End? {
    if case .halted = exit, processor.position == position { processor.countStep() }
    return answer(exit)
  }

  /// Lets the processor deliver an event of its own now, and answers what that asks of the board.
  public func deliver(_ event: (Processor) -> Exit?) -> End {
    event(processor).flatMap(answer) ?? settle() ?? .budget
  }

  /// Tells the board the time, and the processor what the board asks of it.
  private func synchronise() {
    let now = processor.now
    if processor.apicBase != board.apicBase {
      board.setAPICBase(processor.apicBase, now: now)
      processor.taskPriority = board.taskPriorityClass
    }
    if processor.taskPriority != board.taskPriorityClass { board.taskPriorityClass = processor.taskPriority }
    board.advance(to: now)
    processor.setInterruptLine(board.interruptRequest)
    if board.nmiRequest {
      board.acknowledgeNMI()
      processor.raiseNMI()
    }
  }

  /// Does what an exit asks. Nil when the machine goes on.
  private func answer(_ exit: Exit) -> End? {
    if case .budget = exit {} else { platformUses += 1 }
    switch exit {
    case .budget: return nil
    case .halted: return wake()
    case .deviceAccess: return settle()
    case .interruptWindow:
      let vector = board.acknowledgeInterrupt()
      let shutdown = processor.deliverInterrupt(Vector(vector))
      return shutdown.flatMap(answer) ?? settle()
    case .shutdown: return .reset(byShutdown: true)
    case .intercepted: preconditionFailure("a bare-metal kernel owns its IDT")
    case .unsupported(let what): return .unsupported(what)
    }
  }

  /// Behind an instruction or event that used the board: what it asked for, and the interrupt line at this boundary.
  private func settle() -> End? {
    synchronise()
    drain()
    defer { outcome = .continue }
    switch outcome {
    case .continue: return nil
    case .debugExit(let status): return .debugExit(status: status)
    case .powerOff: return .softOff
    case .reset: return .reset(byShutdown: false)
    }
  }

  /// Skips idle time up to the board's next deadline.
  private func wake() -> End? {
    guard processor.interruptsEnabled || board.nmiRequest else { return .powerOff }
    if board.interruptRequest || board.nmiRequest { return nil }
    guard let deadline = board.nextDeadline(after: processor.now) else { return .powerOff }
    processor.skipIdle(nanoseconds: processor.instructions(until: deadline))
    return nil
  }

  /// Passes on what the guest sent; nobody hears it later.
  private func drain() {
    guard !board.serial.output.isEmpty else { return }
    for byte in board.drainSerialOutput() { console?(byte) }
  }

  // MARK: Forks

  public func fork() {
    processor.fork()
    forks.append(board)
  }

  /// Goes back to the innermost fork, which stays open.
  public func restore() {
    processor.restore()
    board = forks[forks.count - 1]
  }

  /// Moves the innermost fork here: what happened since becomes part of what it goes back to.
  public func refork() {
    drop()
    fork()
  }

  /// Closes the innermost fork and keeps what happened since.
  public func drop() {
    processor.drop()
    forks.removeLast()
  }
}
