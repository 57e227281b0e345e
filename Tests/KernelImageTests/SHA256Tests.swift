import KernelImage
import Testing

/// Goal: the digest that names an image is SHA-256. Expected values: the examples of NIST FIPS 180-4 and, for the lengths around a
/// block's padding, coreutils' sha256sum.
@Suite struct SHA256Tests {
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func standardExamples(text: String, expected: String) {
    #expect(SHA256.hexadecimal(of: Array(text.utf8)) == expected)
  }

  @Test func aMillionLetters() {
    let letters = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    #expect(
      SHA256.hexadecimal(of: letters) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test(arguments: [
    (55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"),
    (56, "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"),
    (63, "c7723fa1e0127975e49e62e753db53924c1bd84b8ac1ac08df78d09270f3d971"),
    (64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"),
    (65, "98ce42deef51d40269d542f5314bef2c7468d401ad5d85168bfab4c0108f75f7"),
    (119, "f616b0d54e78571a9611f343c9f8e022e859e920381ab0e4d3da01e193a7bd7e"),
    (120, "6edd9f6f9cc92cded36e6c4a580933f9c9f1b90562b46903b806f21902a1a54f"),
    (128, "38723a2e5e8a17aa7950dc008209944e898f69a7bd10a23c839d341e935fd5ca"),
  ])
  func lengthsAroundABlock(length: Int, expected: String) {
    let zeros = [UInt8](repeating: 0, count: length)
    #expect(SHA256.hexadecimal(of: zeros) == expected)
    // The same in pieces, and without the host's instructions.
    for (piece, byHost) in [(7, true), (7, false), (200, false)] {
      #expect(Self.digest(zeros, piece: piece, byHost: byHost) == expected)
    }
  }

  private static func digest(_ message: [UInt8], piece: Int, byHost: Bool) -> String {
    var hash = SHA256(byHost: byHost)
    message.withUnsafeBytes { bytes in
      for start in stride(from: 0, to: bytes.count, by: piece) {
        hash.update(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + piece, bytes.count)]))
      }
    }
    return hash.finish().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The host's instructions and ours say the same of any message.
  @Test func withAndWithoutTheHost() {
    var random: UInt64 = 0x9E37_79B9_7F4A_7C15
    for length in 0..<300 {
      let message = (0..<length).map { _ in
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: random >> 56)
      }
      let piece = 1 + length % 129
      #expect(
        Self.digest(message, piece: piece, byHost: true) == Self.digest(message, piece: 1000, byHost: false))
    }
  }
}
