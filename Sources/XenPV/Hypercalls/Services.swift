/// Calls for time, events, the console and the rest.
extension XenPVComputer {
  func setTimerOp(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func xenVersion(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func consoleIO(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func grantTableOp(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func vcpuOp(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func schedOp(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func eventChannelOp(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func physdevOp(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }

  /// Raises what is due by now. Whether the guest may have to be told.
  func runTimers() -> Bool { false }
  /// When a timer is due next, in nanoseconds; nil where none is set.
  var nextDeadline: UInt64? { nil }
  /// Lets time pass while the virtual CPU is blocked, up to what wakes it; without such a thing the domain ends.
  func wake() { domain.shutdown = .powerOff }

  func emulatePrivilegedOperation() -> Bool { false }
  func emulateForcedInvalidOpcode() -> Bool { false }
}
