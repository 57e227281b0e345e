/// The framing of gdb's remote serial protocol: bytes of a connection to packets, and back.
///
/// GDB manual, "Overview" of the remote protocol: `$payload#checksum`, the checksum the sum of the payload's bytes modulo 256 in two
/// hexadecimal digits; `+` and `-` acknowledge; the byte 0x03 alone interrupts; in a payload `}` escapes a byte, which is XORed with 0x20.

/// What a connection brought.
package enum PacketToken: Equatable, Sendable {
  /// A packet's payload, without escapes.
  case packet([UInt8])
  /// A packet whose checksum is wrong, or that is too long.
  case damaged
  /// The other side wants the last packet again.
  case refused
  /// Ctrl-C.
  case interrupt
}

package struct PacketStream: Sendable {
  /// The longest payload that is taken or sent, in bytes as they are on the wire.
  package static let longest = 0x4000

  private enum State {
    case outside
    case payload
    case firstDigit
    /// Behind the checksum's first digit.
    case secondDigit(UInt8)
  }
  private var state = State.outside
  private var payload: [UInt8] = []
  private var isTooLong = false

  package init() {}

  /// Takes bytes in, whatever they are. What is no part of a packet is left out.
  package mutating func take(_ bytes: some Sequence<UInt8>) -> [PacketToken] { bytes.compactMap { take($0) } }

  private mutating func take(_ byte: UInt8) -> PacketToken? {
    switch (state, byte) {
    // A packet that was cut off: another begins.
    case (_, UInt8(ascii: "$")):
      payload = []
      isTooLong = false
      state = .payload
    case (.outside, UInt8(ascii: "-")): return .refused
    case (.outside, 3): return .interrupt
    case (.outside, _): break
    case (.payload, UInt8(ascii: "#")): state = .firstDigit
    case (.payload, _):
      if payload.count == Self.longest { isTooLong = true } else { payload.append(byte) }
    case (.firstDigit, _): state = .secondDigit(byte)
    case (.secondDigit(let first), _):
      state = .outside
      let sum = payload.reduce(0, &+)
      guard !isTooLong, let high = hexadecimalDigit(first), let low = hexadecimalDigit(byte), high << 4 | low == sum
      else { return .damaged }
      return .packet(Self.unescaped(payload))
    }
    return nil
  }

  private static func unescaped(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.contains(UInt8(ascii: "}")) else { return bytes }
    var result: [UInt8] = []
    var isEscaped = false
    for byte in bytes {
      if isEscaped {
        result.append(byte ^ 0x20)
        isEscaped = false
      } else if byte == UInt8(ascii: "}") {
        isEscaped = true
      } else {
        result.append(byte)
      }
    }
    return result
  }

  /// A payload as it is sent.
  package static func framed(_ payload: [UInt8]) -> [UInt8] {
    var escaped: [UInt8] = []
    for byte in payload {
      if [UInt8(ascii: "$"), UInt8(ascii: "#"), UInt8(ascii: "}"), UInt8(ascii: "*")].contains(byte) {
        escaped += [UInt8(ascii: "}"), byte ^ 0x20]
      } else {
        escaped.append(byte)
      }
    }
    let sum = escaped.reduce(0, &+)
    return [UInt8(ascii: "$")] + escaped + [UInt8(ascii: "#")] + hexadecimalText([sum])
  }
}
