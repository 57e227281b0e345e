/// The console ring: a page that the guest shares with the console daemon of domain 0, which is played here.
///
/// Xen `xen/include/public/io/console.h`, `struct xencons_interface`; `tools/console/daemon/io.c`, `buffer_append`,
/// `handle_tty_read`. Indices count bytes for ever and are taken modulo the size of their ring.
enum ConsoleRing {
  static let input: UInt64 = 0
  static let inputSize: UInt32 = 1024
  static let output: UInt64 = 1024
  static let outputSize: UInt32 = 2048
  static let inputConsumer: UInt64 = 3072
  static let inputProducer: UInt64 = 3076
  static let outputConsumer: UInt64 = 3080
  static let outputProducer: UInt64 = 3084
}

extension XenPVComputer {
  private var ring: UInt64? { domain.consoleFrame == 0 ? nil : domain.consoleFrame << 12 }

  /// Types on the guest's console.
  public func type(_ bytes: [UInt8]) {
    let wasEmpty = domain.consoleInput.isEmpty
    domain.consoleInput += bytes
    // Domain 0 reads by console_io and is told that there is something.
    if domain.isPrivileged && wasEmpty && !bytes.isEmpty { domain.hasTyped = true }
  }

  /// The guest notified the console: takes what it wrote and gives it what was typed. It is told where something moved.
  func serveConsole() {
    let wrote = drainConsole()
    let typed = fillConsole()
    if wrote || typed { setPending(domain.consolePort) }
  }

  /// Takes what the guest wrote. A producer that is more than a ring ahead is the guest's mistake: the ring is left alone.
  @discardableResult func drainConsole() -> Bool {
    guard let ring else { return false }
    let consumer = machineWord32(ring + ConsoleRing.outputConsumer)
    let producer = machineWord32(ring + ConsoleRing.outputProducer)
    let count = producer &- consumer
    guard count > 0, count <= ConsoleRing.outputSize else { return false }
    for index in 0..<count {
      let byte = machineByte(ring + ConsoleRing.output + UInt64((consumer &+ index) % ConsoleRing.outputSize))
      console?(byte)
    }
    setMachineWord32(ring + ConsoleRing.outputConsumer, producer)
    return true
  }

  /// Moves typed bytes into the ring, as many as fit.
  private func fillConsole() -> Bool {
    guard let ring, !domain.consoleInput.isEmpty else { return false }
    let consumer = machineWord32(ring + ConsoleRing.inputConsumer)
    let producer = machineWord32(ring + ConsoleRing.inputProducer)
    let used = producer &- consumer
    guard used < ConsoleRing.inputSize else { return false }
    let count = min(ConsoleRing.inputSize - used, UInt32(clamping: domain.consoleInput.count))
    for index in 0..<count {
      setMachineByte(
        ring + ConsoleRing.input + UInt64((producer &+ index) % ConsoleRing.inputSize),
        domain.consoleInput[Int(index)])
    }
    setMachineWord32(ring + ConsoleRing.inputProducer, producer &+ count)
    domain.consoleInput.removeFirst(Int(count))
    return true
  }

  /// Gives the guest what was typed and tells it. Whether there was something to tell.
  func offerConsoleInput() -> Bool {
    if domain.isPrivileged {
      guard domain.hasTyped else { return false }
      domain.hasTyped = false
      sendVIRQ(VirtualIRQ.console)
      return true
    }
    guard fillConsole() else { return false }
    setPending(domain.consolePort)
    return true
  }
}
