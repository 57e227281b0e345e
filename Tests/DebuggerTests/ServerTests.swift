/// Goal: whatever comes over the connection is answered or left out; nothing ends the server but gdb's leave and the connection's end.
import Debugger
import Foundation
import Testing

@Suite struct ServerTests {
  /// What the server answers to the bytes, as packets, and how it ends.
  private static func answers(_ input: [UInt8]) throws -> (packets: [String], status: Int32) {
    let served = try Served(
      "specimen:exit-with-interrupts-on", platform: "bare-metal", event: "external-interrupt",
      witness: "bare-metal_intel_syscall64_normal_rsp-owned_117-external-interrupt.json")
    defer { served.remove() }
    let ended = try served.run([Served.program, "debug", served.witness, "-"], input: input)
    var stream = PacketStream()
    let packets = stream.take(ended.output).map { token in
      if case .packet(let payload) = token { String(decoding: payload, as: UTF8.self) } else { "\(token)" }
    }
    return (packets, ended.status)
  }

  private static func framed(_ packets: [String]) -> [UInt8] { packets.flatMap { PacketStream.framed(Array($0.utf8)) } }

  /// GDB manual, "Packets": E for what is wrong, nothing for what is not known; and a stop where nothing moves.
  @Test func wrongPacketsAreAnswered() throws {
    let wrong = [
      "", "m", "m1", "m1,", "m,1", "mzz,4", "m0,ffffffffffffffff", "m11111111111111111,4", "p", "pzz", "pffff", "Z",
      "Z0",
      "Z0,", "Z9,1,1", "Z2,1", "zz,0,0", "b", "bx", "bss", "v", "vCont;", "vCont;q", "vCont;r", "vCont;r1,", "q", "Q",
      "qXfer:features:read:target.xml:0", "qXfer:features:read:target.xml:zz,1", "qXfer:features:read:other.xml:0,1",
      "qXfer:features:read:target.xml:ffffffffffffff,1", "qRcmd,", "qRcmd,1", "qRcmd,zz", "qRcmd,ff", "P0=1", "G00",
      "M0,1:00", "X0,1:a", "\u{0}", "!", "R", "F1",
    ]
    let (packets, status) = try Self.answers(Self.framed(wrong + ["?", "D"]))
    // What `monitor` says without a word, or with a wrong one, comes as console output.
    let answers = packets.filter { !$0.hasPrefix("O") || $0 == "OK" }
    #expect(answers.count == wrong.count + 2 && status == 0)
    for (packet, answer) in zip(wrong, answers) {
      #expect(
        answer.isEmpty || answer.hasPrefix("E") || answer == "l"
          || answer == "OK" && packet.hasPrefix("qRcmd"), "\(packet): \(answer)")
    }
    #expect(answers.suffix(2) == ["T05thread:1;", "OK"])
  }

  @Test func noiseIsNoEnd() throws {
    var random = Xorshift(state: 5)
    let known = [
      "g", "c", "bc", "s", "bs", "m10001d5b,8", "Z0,ffffffff80106919,1", "Z4,1000b198,8", "qSupported:swbreak+",
    ]
    var input: [UInt8] = []
    for _ in 0..<400 {
      var packet = Array(known[Int(random.next() % UInt64(known.count))].utf8)
      for _ in 0..<random.next() % 3 where !packet.isEmpty {
        packet[Int(random.next() % UInt64(packet.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      // A leave would be one.
      if [UInt8(ascii: "D"), UInt8(ascii: "k")].contains(packet.first) || packet.starts(with: Array("vKill".utf8)) {
        continue
      }
      var frame = PacketStream.framed(packet)
      if random.next() % 8 == 0 { frame[Int(random.next() % UInt64(frame.count))] ^= 1 }
      input += frame + (random.next() % 16 == 0 ? [3] : [])
    }
    // What the noise left open is closed first.
    let (packets, status) = try Self.answers(input + Self.framed(["?"]) + Self.framed(["?", "D"]))
    #expect(status == 0 && packets.suffix(2).first?.hasPrefix("T0") == true && packets.last == "OK")
  }

  /// The end of the connection is the end of the debugging.
  @Test func whoeverGoesAwayIsNotWaitedFor() throws {
    #expect(try Self.answers(Self.framed(["g"])).status == 0)
    #expect(try Self.answers([]).status == 0)
  }
}
