/// The board's memory map above RAM: the pages of the local APIC and of the I/O APIC. Everything else is absent, reads all-ones
/// and swallows writes.
///
/// Intel SDM vol. 3A, "Local APIC Register Address Map": registers are 32 bits wide, 16 bytes apart, and must be
/// accessed as aligned doublewords. What other accesses do is not defined; here the twelve bytes between two registers
/// read as 0, a narrower or wider read sees the register's bytes, and a write that is not an aligned doubleword does
/// nothing.
extension Board {
  /// Does a device answer at this guest-physical address?
  public func claimsMemory(_ address: UInt64) -> Bool {
    isLocalAPICPage(address) || IOAPIC.claims(address)
  }

  /// Where the two overlap the local APIC answers: the access never leaves the processor.
  private func isLocalAPICPage(_ address: UInt64) -> Bool {
    isLocalAPICEnabled && address & ~0xFFF == apicBase & APICBase.pageMask
  }

  /// A load of 1 to 8 bytes that does not cross a page.
  public mutating func readMemory(_ address: UInt64, size: Int, now: UInt64) -> UInt64 {
    precondition(1...8 ~= size, "a device load has 1 to 8 bytes, not \(size)")
    let allOnes = UInt64.max >> UInt64(64 - 8 * size)
    guard claimsMemory(address) else { return allOnes }
    advance(to: now)
    let offset = address & 0xFFF
    let within = offset & 15
    guard within < 4 else { return 0 }
    let register = isLocalAPICPage(address) ? localAPIC.read(offset - within, now: now) : ioAPIC.read(offset - within)
    refresh(now)
    return UInt64(register) >> (8 * within) & allOnes
  }

  /// A store of 1 to 8 bytes that does not cross a page.
  public mutating func writeMemory(_ address: UInt64, size: Int, value: UInt64, now: UInt64) -> BoardOutcome {
    precondition(1...8 ~= size, "a device store has 1 to 8 bytes, not \(size)")
    guard claimsMemory(address), size == 4, address & 3 == 0 else { return .continue }
    advance(to: now)
    let offset = address & 0xFFF
    let word = UInt32(truncatingIfNeeded: value)
    if isLocalAPICPage(address) {
      localAPIC.write(offset, word, now: now)
      if let ended = localAPIC.takeEndedLevelInterrupt() {
        for message in ioAPIC.endInterrupt(ended) { deliver(message) }
      }
    } else if let message = ioAPIC.write(offset, word) {
      deliver(message)
    }
    refresh(now)
    return localAPIC.initializePending ? .reset : .continue
  }
}
