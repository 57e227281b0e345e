/// What lies outside the processor and RAM: ports, and physical memory that is a device's or nobody's.
///
/// SDM vol. 1, "Input/Output", "Memory-Mapped I/O"; vol. 3A, "Memory Types and Cache Control".
/// An access is answered while the instruction executes, once, at the instruction's own time, and a port takes its time behind that
/// (`Clock.swift`): an instruction may make as many as it likes, and so may the delivery of an event. An access that crosses a page is two, so that any size from 1 to 8 occurs.
/// Devices have no other say in an instruction; what they ask for (an interrupt, a reset) is looked at behind it.
/// Not modelled: instruction fetches from outside RAM.
public protocol Bus: AnyObject {
  /// IN. `size` is 1, 2 or 4.
  func readPort(_ port: UInt16, size: Int) -> UInt32
  /// OUT.
  func writePort(_ port: UInt16, size: Int, value: UInt32)
  /// `size` is 1 to 8, and the bytes lie on one page. Nobody's memory is all ones.
  func readMemory(_ address: UInt64, size: Int) -> UInt64
  func writeMemory(_ address: UInt64, size: Int, value: UInt64)
}

extension Processor {
  func readPort(_ port: UInt16, size: Int) throws(Fault) -> UInt64 {
    try requireAlone()
    deviceWasAccessed = true
    defer { s.pointee.idleTime &+= Self.portAccess }
    return UInt64(bus?.readPort(port, size: size) ?? UInt32.max)
  }

  func writePort(_ port: UInt16, size: Int, value: UInt64) throws(Fault) {
    try requireAlone()
    deviceWasAccessed = true
    let mask = UInt32.max >> UInt32(32 - 8 * size)
    bus?.writePort(port, size: size, value: UInt32(truncatingIfNeeded: value) & mask)
    s.pointee.idleTime &+= Self.portAccess
  }

  func loadOutsideRAM(_ address: UInt64, size: Int) throws(Fault) -> UInt64 {
    try requireAlone()
    deviceWasAccessed = true
    return (bus?.readMemory(address, size: size) ?? UInt64.max) & UInt64.max >> UInt64(64 - 8 * size)
  }

  func storeOutsideRAM(_ address: UInt64, _ value: UInt64, size: Int) throws(Fault) {
    try requireAlone()
    deviceWasAccessed = true
    bus?.writeMemory(address, size: size, value: value & UInt64.max >> UInt64(64 - 8 * size))
  }

  /// Inside a longer block time is not up to date, so the instruction is executed again by itself, before anything was asked.
  func requireAlone() throws(Fault) {
    if isInBlocks { throw Fault.alone }
  }
}
