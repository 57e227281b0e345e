/// Virtual time: an instruction takes a nanosecond, halting takes what it takes, and a port a microsecond more. Every clock of a machine
/// follows it, the TSC too.
///
/// The clock may go in steps: then all clocks stand still between two of them, as on a machine whose clocks are coarse, and what a
/// short run does hangs on the time at which it began and not on how many instructions came before. SDM vol. 3B, "Time-Stamp
/// Counter": the counter never goes back; how often it moves nobody promises.
extension Processor {
  /// What an access to a port takes, as on the ISA bus, where a cycle of its 8 MHz clock is 125 ns and a transfer of a byte takes six and
  /// the bridge's own time: kernels count on it where they wait by a port (Linux, `native_io_delay`).
  static let portAccess: UInt64 = 1_000

  /// Virtual nanoseconds, without the steps: what the clock will have been moved by when it moves next.
  public var fineTime: UInt64 { s.pointee.retired &+ s.pointee.idleTime }

  /// Virtual time in nanoseconds.
  public var now: UInt64 { coarse(fineTime) }

  /// The same at an instruction of the block that is executed: those of it that come before are not counted yet.
  func now(at u: Operation) -> UInt64 { coarse(fineTime &+ UInt64(u.pointee.ordinal)) }

  private func coarse(_ time: UInt64) -> UInt64 { clockOrigin &+ ((time &- clockOrigin) & ~clockMask) }

  /// From here on the clock goes in steps of `nanoseconds`, a power of two, of which the first begins now. 1 is the finest.
  public func setClockStep(_ nanoseconds: UInt64) {
    precondition(nanoseconds.nonzeroBitCount == 1, "a step is a power of two")
    clockOrigin = fineTime
    clockMask = nanoseconds &- 1
  }

  /// Instructions until the clock has come to `time`; 0 where it has.
  public func instructions(until time: UInt64) -> UInt64 {
    if time <= now { return 0 }
    return (time &- clockOrigin &+ clockMask) & ~clockMask &- (fineTime &- clockOrigin)
  }

  /// Nanoseconds until the clock moves.
  public var timeLeftInStep: UInt64 { clockMask &+ 1 &- (fineTime &- clockOrigin) & clockMask }
}
