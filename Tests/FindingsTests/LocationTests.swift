import Findings
import Foundation
import Testing

/// Goal: a place prints as kernel developers write it, and an address never loses a bit in a document.
@Suite struct LocationTests {
  @Test func printsSymbolAndOffset() {
    #expect(
      "\(Location(address: 0xffff_ffff_81c0_0049, symbol: "entry_SYSCALL_64", offset: 9))" == "entry_SYSCALL_64+0x9")
    #expect("\(Location(address: 0xffff_ffff_81c0_0040, symbol: "entry_SYSCALL_64"))" == "entry_SYSCALL_64")
    #expect("\(Location(address: 0xffff_ffff_81c0_0040))" == "0xffffffff81c00040")
    #expect(Location(address: 1, symbol: "f", offset: 0x1f).functionForm == "f()+0x1f")
    #expect(Location(address: 1, symbol: "f").functionForm == "f()")
    #expect(Location(address: 0x10).functionForm == "0x10")
  }

  @Test func offsetWithoutSymbolMeansNothing() {
    #expect(Location(address: 5, offset: 3) == Location(address: 5))
  }

  @Test(arguments: [0, 1, 0x7fff_ffff_f000, 0x8000_0000_0000_0000, 0xffff_ffff_ffff_ffff] as [UInt64])
  func addressesSurviveADocument(address: UInt64) throws {
    let text = documentText(Location(address: address, symbol: "s", offset: 0xffff_ffff))
    let back = try JSONDecoder().decode(Location.self, from: Data(text.utf8))
    #expect(back == Location(address: address, symbol: "s", offset: 0xffff_ffff))
  }

  @Test(arguments: ["", "0x", "12", "0x12345678123456789", "0xg", "0x 1", "0x+1", "0X1", "-0x1"])
  func otherSpellingsAreNoWords(text: String) {
    #expect(HexadecimalWord(text) == nil)
  }

  @Test func controlSequencesDoNotReachTheTerminal() {
    #expect(printable("a\u{1B}[31mb\n\u{202E}c\u{7F}") == "a\\u{1b}[31mb\\u{a}\\u{202e}c\\u{7f}")
    #expect(printable("entry_SYSCALL_64+0x9 – ü") == "entry_SYSCALL_64+0x9 – ü")
    #expect(printable(String(repeating: "x", count: 600)).count == 513)
  }
}
