import Testing
import XenPV

/// Goal: a guest that asks XenStore is answered over its ring, message by message, however it splits them.
///
/// `xen/include/public/io/xs_wire.h`, `docs/misc/xenstore.txt`.
@Suite struct XenStoreTests {
  private struct Answer: Equatable {
    var type: UInt32
    var request: UInt32
    var payload: String
  }

  private func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }

  private func message(_ type: UInt32, _ request: UInt32, _ payload: String) -> [UInt8] {
    word(type) + word(request) + word(0) + word(UInt32(payload.utf8.count)) + Array(payload.utf8)
  }

  private func indices(_ guest: CallingGuest, _ ring: UInt64, _ at: UInt64) -> (consumer: UInt32, producer: UInt32) {
    let both = guest.computer.processor.physicalWord(at: ring + at)
    return (UInt32(truncatingIfNeeded: both), UInt32(both >> 32))
  }

  /// Sends bytes, notifies, and takes what came back.
  private func exchange(_ guest: CallingGuest, _ bytes: [UInt8]) -> [Answer] {
    let ring = guest.computer.domain.storeFrame << 12
    let processor = guest.computer.processor
    let request = indices(guest, ring, 2048)
    for (index, byte) in bytes.enumerated() {
      processor.writePhysical([byte], at: ring + UInt64((request.producer &+ UInt32(index)) % 1024))
    }
    processor.setPhysicalWord(
      UInt64(request.consumer) | UInt64(request.producer &+ UInt32(bytes.count)) << 32, at: ring + 2048)
    #expect(guest.call(.eventChannelOp, 4, with: [guest.computer.domain.storePort]).0 == 0)
    let reply = indices(guest, ring, 2056)
    var taken: [UInt8] = []
    for index in 0..<(reply.producer &- reply.consumer) {
      let at = UInt64((reply.consumer &+ index) % 1024)
      taken.append(UInt8(truncatingIfNeeded: processor.physicalWord(at: ring + 1024 + at & ~7) >> (at % 8 * 8)))
    }
    processor.setPhysicalWord(UInt64(reply.producer) | UInt64(reply.producer) << 32, at: ring + 2056)
    var answers: [Answer] = []
    while taken.count >= 16 {
      func field(_ at: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(taken[at + $1]) << UInt32($1 * 8) } }
      let length = Int(field(12))
      let payload = String(decoding: taken[16..<16 + length], as: UTF8.self)
      answers.append(Answer(type: field(0), request: field(4), payload: payload))
      taken.removeFirst(16 + length)
    }
    #expect(taken.isEmpty)
    return answers
  }

  @Test func readingAndWriting() throws {
    let guest = try CallingGuest()
    try #require(guest.computer.domain.storePort != 0)
    // XS_READ of what is not there, XS_WRITE, XS_READ, XS_DIRECTORY.
    #expect(
      exchange(guest, message(2, 1, "a/b\0") + message(11, 2, "a/b\0value") + message(2, 3, "/local/domain/1/a/b\0"))
        == [
          Answer(type: 16, request: 1, payload: "ENOENT\0"), Answer(type: 11, request: 2, payload: "OK\0"),
          Answer(type: 2, request: 3, payload: "value"),
        ])
    #expect(exchange(guest, message(1, 4, "a\0")) == [Answer(type: 1, request: 4, payload: "b\0")])
    // A message in two pieces is answered once.
    let split = message(13, 5, "a\0")
    #expect(exchange(guest, Array(split[..<7])).isEmpty)
    #expect(exchange(guest, Array(split[7...])) == [Answer(type: 13, request: 5, payload: "OK\0")])
    #expect(exchange(guest, message(1, 6, "a\0")) == [Answer(type: 16, request: 6, payload: "ENOENT\0")])
    #expect(exchange(guest, message(999, 7, "")) == [Answer(type: 16, request: 7, payload: "ENOSYS\0")])
  }

  /// A watch fires once when it is set, and for what is written below it, in the words it was set with.
  @Test func watching() throws {
    let guest = try CallingGuest()
    #expect(
      exchange(guest, message(4, 1, "device\0token\0"))
        == [
          Answer(type: 4, request: 1, payload: "OK\0"), Answer(type: 15, request: 0, payload: "device\0token\0"),
        ])
    #expect(exchange(guest, message(4, 2, "device\0token\0")).map(\.payload) == ["EEXIST\0"])
    #expect(
      exchange(guest, message(11, 3, "device/vif\0")).map(\.payload) == ["device/vif\0token\0", "OK\0"])
    #expect(exchange(guest, message(5, 4, "device\0token\0")).map(\.payload) == ["OK\0"])
    #expect(exchange(guest, message(11, 5, "device/vif\0")).map(\.payload) == ["OK\0"])
  }

  /// A length that no message has ends the conversation, and the guest is not harmed.
  @Test func impossibleLength() throws {
    let guest = try CallingGuest()
    #expect(exchange(guest, word(2) + word(1) + word(0) + word(5000)).isEmpty)
    #expect(exchange(guest, message(2, 2, "x\0")).map(\.payload) == ["ENOENT\0"])
  }
}
