import Findings
import Foundation
import Testing

/// Goal: the strict reader accepts exactly JSON, says where a text stops being JSON, and survives anything. Oracles:
/// RFC 8259's grammar, hand-applied below, and Foundation's parser.
@Suite struct JSONReaderTests {
  @Test func readsEveryKindOfValue() throws {
    let text =
      #" { "a" : [ null , true,false, -0.5e+3 , 18446744073709551615 ] , "b" : {} , "c\u00e9\ud83d\ude00\n\/" : "" } "#
    #expect(
      try JSONValue(reading: Array(text.utf8))
        == .object([
          "a": .array([.null, .bool(true), .bool(false), .number("-0.5e+3"), .number("18446744073709551615")]),
          "b": .object([:]), "cé😀\n/": .string(""),
        ]))
  }

  static let refused: [(String, Int)] = [
    ("", 0), (" ", 1), ("{", 1), ("[1,]", 3), ("[1 2]", 3), (#"{"a" 1}"#, 5), (#"{"a":1,}"#, 7), (#"{"a":1,"a":2}"#, 7),
    ("nul", 0), ("True", 0), ("01", 1), ("1.", 2), (".5", 0), ("-", 1), ("1e", 2), ("+1", 0), (#""abc"#, 0),
    ("\"a\tb\"", 2), (#""\x""#, 1), (#""\u12"#, 3), (#""\ud800""#, 1), (#""\ude00""#, 1), (#""\ud800\u0041""#, 1),
    ("1 1", 2), ("[1]]", 3), ("'a'", 0), ("{a:1}", 1), ("// x\n1", 0), ("NaN", 0),
  ]

  @Test(arguments: refused)
  func refusesWithTheOffset(text: String, offset: Int) {
    let error = #expect(throws: JSONSyntaxError.self) { try JSONValue(reading: Array(text.utf8)) }
    #expect(error?.offset == offset, "\(text): \(error?.problem ?? "")")
  }

  @Test func refusesBytesThatAreNotUTF8() {
    #expect(throws: JSONSyntaxError.self) { try JSONValue(reading: [0x22, 0xC3, 0x28, 0x22]) }
    #expect(throws: JSONSyntaxError.self) { try JSONValue(reading: [0x22, 0xED, 0xA0, 0x80, 0x22]) }
  }

  @Test func nestingIsBounded() {
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
    let error = #expect(throws: JSONSyntaxError.self) { try JSONValue(reading: deep) }
    #expect(error?.problem.contains("nested deeper") == true)
  }

  @Test func agreesWithFoundation() throws {
    // Whatever the strict reader accepts, Foundation accepts; mutations of a true document find the corners.
    var random = Xorshift(seed: 0x11)
    let text = Array(Sample.witness.text.utf8)
    var accepted = 0
    for _ in 0..<20_000 {
      let bytes = random.mutated(text)
      guard (try? JSONValue(reading: bytes)) != nil else { continue }
      accepted += 1
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed) }
    }
    #expect(accepted > 1000)
  }
}
