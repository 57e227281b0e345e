/// What gdb asks, answered: packets to answers, the run in between. Whatever comes is answered; nothing that comes ends the program.
///
/// GDB manual, "Packets", "General Query Packets", "vCont", "Reverse Execution". There is one thread, number 1.
import Explorer
import Findings
import Machine

package final class DebugSession {
  let timeline: Timeline
  var stops = Stops() {
    didSet { if stops.watchpoints != oldValue.watchpoints { timeline.watchpoints = stops.watchpoints } }
  }
  /// Says something on gdb's console, while gdb waits for an answer.
  package var say: (String) -> Void = { _ in }
  /// Asked while a run goes on.
  package var isInterrupted: () -> Bool = { false }
  /// What the invariants say of the path; nil while nobody has asked.
  private var judged: (path: Path, judgement: PreparedCrossing.Judgement)?
  private var lastStop = "T05thread:1;"
  /// gdb understands `swbreak` and `hwbreak` in the reply to a stop.
  private var knowsBreakpointReasons = false

  package init(_ timeline: Timeline) { self.timeline = timeline }

  package struct Answer: Equatable, Sendable {
    package var payload: [UInt8]
    /// gdb has taken its leave.
    package var isLast = false

    static func text(_ text: String) -> Answer { Answer(payload: Array(text.utf8)) }
    static let ok = text("OK")
    static let farewell = Answer(payload: Array("OK".utf8), isLast: true)
    /// The packet is not known here.
    static let unknown = text("")
    static let malformed = text("E01")
    /// EFAULT.
    static let notThere = text("E0e")
    static let readOnly = text("E.a run is what its path makes of it: registers and memory are not written")
  }

  package func answer(_ packet: [UInt8]) -> Answer {
    let rest = packet.dropFirst()
    switch packet.first {
    case UInt8(ascii: "?"): return .text(lastStop)
    case UInt8(ascii: "g"): return Answer(payload: Register.all.flatMap { text(of: $0) })
    case UInt8(ascii: "p"): return register(rest)
    case UInt8(ascii: "m"): return read(rest)
    case UInt8(ascii: "G"), UInt8(ascii: "P"), UInt8(ascii: "M"), UInt8(ascii: "X"): return .readOnly
    case UInt8(ascii: "H"), UInt8(ascii: "T"): return .ok
    case UInt8(ascii: "c"), UInt8(ascii: "C"): return resume(.go)
    case UInt8(ascii: "s"), UInt8(ascii: "S"): return resume(.step)
    case UInt8(ascii: "b"): return reverse(rest)
    case UInt8(ascii: "Z"), UInt8(ascii: "z"): return stop(packet)
    case UInt8(ascii: "D"), UInt8(ascii: "k"): return .farewell
    case UInt8(ascii: "v"): return verb(packet)
    case UInt8(ascii: "q"), UInt8(ascii: "Q"): return query(packet)
    default: return .unknown
    }
  }

  // MARK: State

  /// A register's bytes in digits; `x` for each digit where it has no value.
  private func text(of register: Register) -> [UInt8] {
    guard let bytes = register.value(timeline.processor, timeline.boundary) else {
      return [UInt8](repeating: UInt8(ascii: "x"), count: register.bits / 4)
    }
    return hexadecimalText(bytes)
  }

  private func register(_ text: ArraySlice<UInt8>) -> Answer {
    guard let index = number(ofHexadecimal: text), index < UInt64(Register.all.count) else { return .malformed }
    return Answer(payload: self.text(of: Register.all[Int(index)]))
  }

  private func read(_ text: ArraySlice<UInt8>) -> Answer {
    let parts = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    guard parts.count == 2, let address = number(ofHexadecimal: parts[0]), let wanted = number(ofHexadecimal: parts[1])
    else { return .malformed }
    // What is mapped from there on, as far as it goes.
    let count = Int(min(wanted, UInt64(PacketStream.longest / 2)))
    var bytes: [UInt8] = []
    while bytes.count < count {
      let at = address &+ UInt64(bytes.count)
      let piece = min(count - bytes.count, Int(4096 - (at & 0xFFF)))
      guard let more = timeline.processor.bytes(atLinear: at, count: piece) else { break }
      bytes += more
    }
    return bytes.isEmpty && count > 0 ? .notThere : Answer(payload: hexadecimalText(bytes))
  }

  // MARK: Stops

  /// `Z0,ADDRESS,KIND` sets, `z0,ADDRESS,KIND` removes.
  private func stop(_ packet: [UInt8]) -> Answer {
    let parts = packet.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    guard parts.count >= 3, parts[0].count == 2, let address = number(ofHexadecimal: parts[1]),
      let size = number(ofHexadecimal: parts[2].prefix { $0 != UInt8(ascii: ";") })
    else { return .malformed }
    let sets = packet[0] == UInt8(ascii: "Z")
    if sets && stops.isFull { return .text("E.\(Stops.most) breakpoints are enough") }
    switch packet[1] {
    case UInt8(ascii: "0"): if sets { stops.software.insert(address) } else { stops.software.remove(address) }
    case UInt8(ascii: "1"): if sets { stops.hardware.insert(address) } else { stops.hardware.remove(address) }
    case UInt8(ascii: "2"): watch(.writes, address, size, sets)
    case UInt8(ascii: "3"): watch(.reads, address, size, sets)
    case UInt8(ascii: "4"): watch(.both, address, size, sets)
    default: return .unknown
    }
    return .ok
  }

  private func watch(_ kind: Stops.Watching, _ address: UInt64, _ size: UInt64, _ sets: Bool) {
    let watchpoint = Stops.Watchpoint(kind: kind, address: address, size: max(1, size))
    let others = stops.watchpoints.filter { $0 != watchpoint }
    stops.watchpoints = sets ? others + [watchpoint] : others
  }

  // MARK: Motion

  enum Motion {
    case step
    /// On as long as RIP stays in the range.
    case within(Range<UInt64>)
    case go
  }

  func resume(_ motion: Motion) -> Answer {
    guard timeline.goesOn else { return atEnd() }
    let broken = finding.boundary
    var reason: String?
    var steps = 0
    timeline.advance {
      steps += 1
      reason = reasonToStop()
      if reason == nil, timeline.boundary == broken { reason = sayFinding() }
      if reason == nil, steps & 0xFF == 0, isInterrupted() { reason = "T02thread:1;" }
      if reason != nil { return true }
      switch motion {
      case .step: return true
      case .within(let range): return !range.contains(timeline.processor.rip)
      case .go: return false
      }
    }
    if timeline.end != nil && !timeline.goesOn {
      // An instruction that is stepped leads to the last boundary, and what is asked of it there comes next.
      if case .step = motion, timeline.end == .user { return stopped("T05thread:1;") }
      return atEnd()
    }
    return stopped(reason ?? "T05thread:1;")
  }

  private func reverse(_ rest: ArraySlice<UInt8>) -> Answer {
    let start = "T05thread:1;replaylog:begin;"
    switch rest.first {
    case UInt8(ascii: "s") where rest.count == 1:
      if timeline.boundary == 0 { return stopped(start) }
      timeline.go(to: timeline.boundary - 1)
      return stopped("T05thread:1;")
    case UInt8(ascii: "c") where rest.count == 1:
      var steps = 0
      var wasInterrupted = false
      let found = timeline.retreat(
        isInterrupted: {
          steps += 1
          if steps & 0xFF == 0 && !wasInterrupted { wasInterrupted = isInterrupted() }
          return wasInterrupted
        }, to: { stops.isBreakpoint(timeline.processor.rip) })
      if wasInterrupted { return stopped("T02thread:1;") }
      guard let found else { return stopped(start) }
      return stopped(reason(found.touch) ?? breakpointReason() ?? "T05thread:1;")
    default: return .malformed
    }
  }

  /// Why a run stops at this boundary; nil where nothing stops it.
  private func reasonToStop() -> String? { reason(timeline.touch) ?? breakpointReason() }

  private func reason(_ touch: Touch?) -> String? {
    guard let watchpoint = touch?.watchpoint else { return nil }
    let name =
      switch watchpoint.kind {
      case .writes: "watch"
      case .reads: "rwatch"
      case .both: "awatch"
      }
    return "T05thread:1;\(name):\(String(watchpoint.address, radix: 16));"
  }

  private func breakpointReason() -> String? {
    let rip = timeline.processor.rip
    guard stops.isBreakpoint(rip) else { return nil }
    if !knowsBreakpointReasons { return "T05thread:1;" }
    return stops.software.contains(rip) ? "T05thread:1;swbreak:;" : "T05thread:1;hwbreak:;"
  }

  private func stopped(_ reply: String) -> Answer {
    lastStop = reply
    return .text(reply)
  }

  private func atEnd() -> Answer {
    let judgement = finding
    say("limen: \(timeline.endText)\n")
    if judgement.boundary.map({ $0 >= timeline.boundary }) ?? true { say("limen: \(judgement.text)\n") }
    return stopped("T05thread:1;replaylog:end;")
  }

  // MARK: The finding

  /// What the invariants say of the path as it is now.
  var finding: PreparedCrossing.Judgement {
    let path = timeline.path
    if let judged, judged.path == path { return judged.judgement }
    let judgement = timeline.judge()
    judged = (path, judgement)
    return judgement
  }

  private func sayFinding() -> String {
    say("limen: \(finding.text)\n")
    return "T05thread:1;"
  }

  // MARK: Queries

  private func verb(_ packet: [UInt8]) -> Answer {
    let text = String(decoding: packet, as: UTF8.self)
    if text == "vCont?" { return .text("vCont;c;C;s;S;r") }
    if text.hasPrefix("vCont;") { return continued(text.dropFirst(6)) }
    if text.hasPrefix("vKill") { return .farewell }
    return .unknown
  }

  /// The first action counts: there is one thread.
  private func continued(_ text: Substring) -> Answer {
    let action = text.prefix { $0 != ";" && $0 != ":" }
    switch action.first {
    case "c", "C": return resume(.go)
    case "s", "S": return resume(.step)
    case "r":
      let ends = action.dropFirst().split(separator: ",", omittingEmptySubsequences: false)
      guard ends.count == 2, let low = number(ofHexadecimal: ends[0].utf8),
        let high = number(ofHexadecimal: ends[1].utf8)
      else { return .malformed }
      return resume(low < high ? .within(low..<high) : .step)
    default: return .malformed
    }
  }

  private func query(_ packet: [UInt8]) -> Answer {
    let text = String(decoding: packet, as: UTF8.self)
    let name = text.prefix { $0 != ":" && $0 != "," && $0 != ";" }
    switch name {
    case "qSupported":
      let features = text.dropFirst(name.count + 1).split(separator: ";")
      knowsBreakpointReasons = features.contains("swbreak+") && features.contains("hwbreak+")
      return .text(
        "PacketSize=\(String(PacketStream.longest, radix: 16));qXfer:features:read+;QStartNoAckMode+;vContSupported+;"
          + "ReverseStep+;ReverseContinue+;swbreak+;hwbreak+")
    case "QStartNoAckMode": return .ok
    case "qXfer": return transfer(text)
    case "qAttached": return .text("1")
    case "qC": return .text("QC1")
    case "qfThreadInfo": return .text("m1")
    case "qsThreadInfo": return .text("l")
    case "qThreadExtraInfo":
      return Answer(payload: hexadecimalText("boundary \(timeline.boundary)".utf8))
    case "qRcmd": return monitor(packet.dropFirst(6))
    default: return .unknown
    }
  }

  /// `qXfer:features:read:target.xml:OFFSET,LENGTH`.
  private func transfer(_ text: String) -> Answer {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 5, parts[1] == "features", parts[2] == "read" else { return .unknown }
    guard parts[3] == "target.xml" else { return .text("E00") }
    let ends = parts[4].split(separator: ",", omittingEmptySubsequences: false)
    guard ends.count == 2, let offset = number(ofHexadecimal: ends[0].utf8),
      let length = number(ofHexadecimal: ends[1].utf8)
    else { return .malformed }
    let document = Array(TargetDescription.text.utf8)
    guard offset < UInt64(document.count) else { return .text("l") }
    let rest = document[Int(offset)...]
    let count = Int(min(length, UInt64(PacketStream.longest / 2)))
    return Answer(payload: [UInt8(ascii: rest.count > count ? "m" : "l")] + rest.prefix(count))
  }

  // MARK: Monitor

  /// `qRcmd,` and the command in digits. What it has to say goes to gdb's console.
  private func monitor(_ digits: ArraySlice<UInt8>) -> Answer {
    guard let command = bytes(ofHexadecimal: digits) else { return .malformed }
    let words = String(decoding: command, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
    for line in monitor(words) { say(line + "\n") }
    return .ok
  }
}
