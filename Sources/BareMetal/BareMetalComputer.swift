/// The whole computer: one processor, RAM and the board, and the loop that lets them act on each other.
///
/// Everything that happens follows from the start: the board is told the virtual time, the processor runs to the board's next
/// deadline, and what it asks of the board is answered at once. A kernel powers off by halting with interrupts disabled, since
/// the board has no ACPI.
import Machine

public final class BareMetalComputer {
  public let processor: Processor
  public var board: Board
  /// Hears the bytes that the guest sends over its serial port.
  public var console: ((UInt8) -> Void)?

  private var forks: [Board] = []

  /// Why a run ended.
  public enum End: Sendable {
    case budget
    /// The processor halts and nothing can wake it: how a kernel powers off or stops for good.
    case powerOff
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
  }

  // MARK: Running

  /// Runs until `budget` more instructions have retired or the machine stops; with `address`, also until the instruction there
  /// is next.
  public func run(_ budget: UInt64, until address: UInt64? = nil) -> End {
    let limit = processor.retired &+ budget
    // Events whose handlers never start retire nothing, and time stands still: such rounds use up the budget as well.
    var fruitless: UInt64 = 0
    // So do rounds that retire little: a guest can halt from tick to tick for ever.
    var rounds: UInt64 = 0
    while true {
      synchronise()
      let retired = processor.retired
      rounds += 1
      if rounds > 4096 + budget / 64 { return .budget }
      if retired >= limit || processor.rip == address || fruitless > budget { return .budget }
      var slice = limit - retired
      if let deadline = board.nextDeadline(after: processor.now) {
        slice = min(slice, max(1, deadline > processor.now ? deadline - processor.now : 1))
      }
      let exit = address.map { processor.run(slice, until: $0) } ?? processor.run(slice)
      if case .budget = exit, processor.retired == retired { fruitless &+= max(1, slice) }
      if let end = answer(exit) {
        drain()
        return end
      }
    }
  }

  /// Takes one step: one instruction, or the delivery of one event that is due.
  public func step() -> End {
    synchronise()
    if let end = answer(processor.step()) {
      drain()
      return end
    }
    return .budget
  }

  /// Lets the processor deliver an event of its own now, and answers what that asks of the board.
  public func deliver(_ event: (Processor) -> Exit?) -> End {
    guard let exit = event(processor) else { return .budget }
    return answer(exit) ?? .budget
  }

  /// Tells the board the time, and the processor what the board asks of it.
  private func synchronise() {
    let now = processor.now
    if processor.apicBase != board.apicBase {
      board.setAPICBase(processor.apicBase, now: now)
      processor.taskPriority = board.taskPriorityClass
    }
    let taskPriority = processor.takeTaskPriority()
    if taskPriority != board.taskPriorityClass { board.taskPriorityClass = taskPriority }
    board.advance(to: now)
    processor.setInterruptLine(board.interruptRequest)
    if board.nmiRequest {
      board.acknowledgeNMI()
      processor.raiseNMI()
    }
  }

  /// Does what an exit asks. Nil when the machine goes on.
  private func answer(_ exit: Exit) -> End? {
    var exit = exit
    while true {
      let now = processor.now
      switch exit {
      case .budget: return nil
      case .halted: return wake()
      case .portRead(let port, let size):
        exit = processor.completePortRead(board.readPort(port, size: size, now: now))
      case .portWrite(let port, let size, let value):
        let outcome = board.writePort(port, size: size, value: value, now: now)
        exit = processor.completePortWrite()
        if let end = end(for: outcome) { return end }
        drain()
      case .memoryRead(let address, let size):
        exit = processor.completeMemoryRead(
          address: address, value: board.readMemory(address, size: size, now: now))
      case .memoryWrite(let address, let size, let value):
        let outcome = board.writeMemory(address, size: size, value: value, now: now)
        processor.taskPriority = board.taskPriorityClass
        exit = processor.completeMemoryWrite(address: address)
        if let end = end(for: outcome) { return end }
      case .interruptWindow:
        let vector = board.acknowledgeInterrupt()
        let after = processor.deliverInterrupt(Vector(vector))
        processor.setInterruptLine(board.interruptRequest)
        guard let after else { return nil }
        exit = after
      case .shutdown: return .reset(byShutdown: true)
      case .intercepted: preconditionFailure("a bare-metal kernel owns its IDT")
      case .unsupported(let what): return .unsupported(what)
      }
      // Whatever the device changed takes effect at the next boundary.
      processor.setInterruptLine(board.interruptRequest)
    }
  }

  private func end(for outcome: BoardOutcome) -> End? {
    switch outcome {
    case .continue: nil
    case .debugExit(let status): .debugExit(status: status)
    case .reset: .reset(byShutdown: false)
    }
  }

  /// Skips idle time up to the board's next deadline.
  private func wake() -> End? {
    guard processor.interruptsEnabled || board.nmiRequest else { return .powerOff }
    if board.interruptRequest || board.nmiRequest { return nil }
    guard let deadline = board.nextDeadline(after: processor.now) else { return .powerOff }
    if deadline > processor.now { processor.skipIdle(nanoseconds: deadline - processor.now) }
    return nil
  }

  private func drain() {
    guard let console else { return }
    for byte in board.drainSerialOutput() { console(byte) }
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
