/// One gdb at one connection: packets are acknowledged, answered, and looked for while a run goes on.
///
/// GDB manual, "Packet Acknowledgment", "Interrupts".

package final class DebugServer {
  private let connection: Connection
  private let session: DebugSession
  private var stream = PacketStream()
  private var waiting: [PacketToken] = []
  private var acknowledges = true
  /// Nothing more comes; what came is answered.
  private var isClosed = false
  /// Nobody hears the answers any more.
  private var isGone = false
  /// For the other side to ask for again.
  private var last: [UInt8] = []

  package init(_ connection: Connection, _ session: DebugSession) {
    self.connection = connection
    self.session = session
  }

  /// Serves until gdb detaches, kills or goes away.
  package func serve() {
    session.isInterrupted = { [unowned self] in look() }
    session.say = { [unowned self] text in
      send([UInt8(ascii: "O")] + hexadecimalText(text.utf8))
    }
    while !isGone, let token = next() {
      switch token {
      case .packet(let payload):
        if acknowledges { write([UInt8(ascii: "+")]) }
        let answer = session.answer(payload)
        // GDB manual, `QStartNoAckMode`: the answer to it is the last that is acknowledged.
        send(answer.payload)
        if payload == Array("QStartNoAckMode".utf8) { acknowledges = false }
        if answer.isLast { return }
      case .damaged: if acknowledges { write([UInt8(ascii: "-")]) }
      case .refused: if acknowledges && !last.isEmpty { write(last) }
      // Nothing runs that it could interrupt.
      case .interrupt: break
      }
    }
  }

  private func next() -> PacketToken? {
    while waiting.isEmpty {
      let bytes = isClosed ? [] : connection.receive()
      if bytes.isEmpty { return nil }
      waiting = stream.take(bytes)
    }
    return waiting.removeFirst()
  }

  /// Whether the run that goes on is to stop: Ctrl-C came, or nobody is there any more.
  private func look() -> Bool {
    if isGone || isClosed { return true }
    guard let bytes = connection.poll() else { return false }
    if bytes.isEmpty {
      isClosed = true
      return true
    }
    let tokens = stream.take(bytes)
    waiting += tokens.filter { $0 != .interrupt }
    return tokens.contains(.interrupt)
  }

  private func send(_ payload: [UInt8]) {
    last = PacketStream.framed(payload)
    write(last)
  }

  private func write(_ bytes: [UInt8]) { if !connection.send(bytes) { isGone = true } }
}
