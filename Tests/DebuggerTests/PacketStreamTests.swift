/// Goal: framing is the GDB manual's, and no bytes whatever end it or make it wait for ever.
import Debugger
import Testing

@Suite struct PacketStreamTests {
  /// GDB manual, "Overview": `$`, payload, `#`, the sum of the bytes modulo 256. 'O' is 0x4f and 'K' 0x4b.
  @Test func packetsAreTheManuals() {
    #expect(PacketStream.framed(Array("OK".utf8)) == Array("$OK#9a".utf8))
    #expect(PacketStream.framed([]) == Array("$#00".utf8))
    // `}` escapes, and the byte behind it is XORed with 0x20: '#' becomes 0x03.
    #expect(PacketStream.framed([0x23]) == [0x24, 0x7D, 0x03, 0x23, 0x38, 0x30])
    var stream = PacketStream()
    #expect(stream.take(Array("+$OK#9a".utf8)) == [.packet([0x4F, 0x4B])])
    #expect(stream.take(Array("$OK#9A".utf8)) == [.packet([0x4F, 0x4B])])
    #expect(stream.take([0x24, 0x7D, 0x03, 0x23, 0x38, 0x30]) == [.packet([0x23])])
  }

  @Test func whatIsDamagedIsSaid() {
    var stream = PacketStream()
    #expect(stream.take(Array("$OK#9b".utf8)) == [.damaged])
    #expect(stream.take(Array("$OK#zz".utf8)) == [.damaged])
    // One that is cut off is forgotten when the next begins.
    #expect(stream.take(Array("$O$OK#9a".utf8)) == [.packet([0x4F, 0x4B])])
    #expect(stream.take([0x03]) == [.interrupt])
    #expect(stream.take(Array("-".utf8)) == [.refused])
    let long = [UInt8](repeating: 0x61, count: PacketStream.longest + 1)
    #expect(stream.take([0x24] + long + Array("#00".utf8)) == [.damaged])
    #expect(stream.take(Array("$OK#9a".utf8)) == [.packet([0x4F, 0x4B])])
  }

  /// Whatever is sent comes back, and in pieces of any size.
  @Test func everyPayloadComesBack() {
    var random = Xorshift(state: 7)
    for _ in 0..<2000 {
      let payload = (0..<Int(random.next() % 64)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      var stream = PacketStream()
      let tokens = PacketStream.framed(payload).flatMap { stream.take([$0]) }
      #expect(tokens == [.packet(payload)])
    }
  }

  @Test func noiseEndsNothing() {
    var random = Xorshift(state: 11)
    var stream = PacketStream()
    for _ in 0..<2000 {
      _ = stream.take((0..<64).map { _ in Array("$#}+-*\u{3}0afOK".utf8)[Int(random.next() % 12)] })
    }
    // Two, since the noise may have stopped in the middle of one.
    #expect(stream.take(Array("$OK#9a$OK#9a".utf8)).last == .packet([0x4F, 0x4B]))
  }
}

/// Numbers that are the same in every run.
struct Xorshift {
  var state: UInt64
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
