/// The board as the processor's bus: every access at the processor's own time.
import Machine

extension BareMetalComputer: Bus {
  public func readPort(_ port: UInt16, size: Int) -> UInt32 { board.readPort(port, size: size, now: processor.now) }

  public func writePort(_ port: UInt16, size: Int, value: UInt32) {
    note(board.writePort(port, size: size, value: value, now: processor.now))
  }

  public func readMemory(_ address: UInt64, size: Int) -> UInt64 {
    board.readMemory(address, size: size, now: processor.now)
  }

  public func writeMemory(_ address: UInt64, size: Int, value: UInt64) {
    note(board.writeMemory(address, size: size, value: value, now: processor.now))
    processor.taskPriority = board.taskPriorityClass
  }

  /// The first outcome of an instruction counts.
  private func note(_ asked: BoardOutcome) {
    if outcome == .continue { outcome = asked }
  }
}
