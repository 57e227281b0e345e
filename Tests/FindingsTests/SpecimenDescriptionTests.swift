/// Goal: a specimen's page is read whole or refused with the field that is wrong.
import Findings
import Reports
import Testing

@Suite struct SpecimenDescriptionTests {
  static let page = """
    // What goes wrong, in a sentence.
    //
    // History: it happened,
    // and was mended.
    //
    // crossing: bp
    // platform: bare-metal
    // profile: intel, amd
    // posture: rsp-zero
    // path: nmi entry_one, debug-breakpoint entry_two+0x1f
    // depth: 2
    // invariant: frame-intact
    #include "threshold.h"
    // path: a comment of the code's

    """

  @Test func aCrossingAloneMayBreakIt() throws {
    let page = Self.page.replacing("path: nmi entry_one, debug-breakpoint entry_two+0x1f", with: "path: none")
      .replacing("depth: 2", with: "depth: 0")
    let read = try SpecimenDescription(name: "one", source: page)
    #expect(read.path.isEmpty && read.depth == 0)
    #expect(SpecimenPage.text(of: read).contains("\npath       none\ndepth      0\n"))
  }

  @Test func aPageIsRead() throws {
    let read = try SpecimenDescription(name: "one", source: Self.page)
    #expect(read.paragraphs == ["What goes wrong, in a sentence.", "History: it happened, and was mended."])
    #expect(read.crossing == .bp && read.platforms == [.bareMetal] && read.profiles == [.intel, .amd])
    #expect(read.posture == "rsp-zero" && read.invariant == "frame-intact" && read.depth == 2)
    #expect(
      read.path == [
        .init(event: .nmi, symbol: "entry_one", offset: 0),
        .init(event: .debugBreakpoint, symbol: "entry_two", offset: 0x1F),
      ])
    #expect(
      SpecimenPage.text(of: read) == """
        one

        What goes wrong, in a sentence.

        History: it happened, and was mended.

        crossing   bp
        platform   bare-metal
        profile    intel, amd
        posture    rsp-zero
        path       nmi at entry_one, then debug-breakpoint at entry_two+0x1f
        depth      2
        invariant  frame-intact

        specimen:one is the kernel with the defect, specimen:one:fixed its twin without.

        """)
  }

  @Test func whatIsNotSeenIsSaid() throws {
    #expect(try SpecimenDescription(name: "one", source: Self.page).unseen == nil)
    let page = Self.page.replacing("frame-intact", with: "frame-intact\n// unseen: nobody asks")
    let read = try SpecimenDescription(name: "one", source: page)
    #expect(read.unseen == "nobody asks" && read.invariant == "frame-intact")
    #expect(SpecimenPage.text(of: read).contains("\n\nNot seen yet: nobody asks.\n\nspecimen:one"))
  }

  @Test(arguments: SpecimenDescription.fields) func everyFieldIsNeeded(field: String) throws {
    let lines = Self.page.split(separator: "\n", omittingEmptySubsequences: false)
    let less = lines.filter { !$0.hasPrefix("// \(field):") || $0.hasSuffix("code's") }.joined(separator: "\n")
    let error = #expect(throws: SpecimenError.self) { try SpecimenDescription(name: "one", source: less) }
    #expect(error?.description == "the page has no \(field)")
  }

  @Test(arguments: [
    ("crossing: bp", "crossing: frob", "crossing: 'frob' is not known"),
    ("platform: bare-metal", "platform: bare-metal,", "platform: '' is not known"),
    ("profile: intel, amd", "profile: intel amd", "profile: 'intel amd' is not known"),
    ("posture: rsp-zero", "posture: RSP", "posture: 'RSP' is no name"),
    ("path: nmi entry_one", "path: nmi", "path: 'nmi' is not EVENT SYMBOL"),
    ("path: nmi entry_one", "path: frob entry_one", "path: 'frob' is not known"),
    ("+0x1f", "+31", "path: '31' is no hexadecimal offset"),
    ("depth: 2", "depth: 1", "depth is 1, and the path has 2 events"),
    ("invariant: frame-intact", "invariant: frame intact", "invariant: 'frame intact' is no name"),
    ("posture: rsp-zero", "posture: rsp-zero\n// posture: normal", "posture is there twice"),
    ("in a sentence.", "in a sentence", "the page does not open with a sentence"),
  ])
  func whatIsWrongIsSaid(old: String, new: String, reason: String) throws {
    let text = Self.page.replacing(old, with: new)
    let error = #expect(throws: SpecimenError.self) { try SpecimenDescription(name: "one", source: text) }
    #expect(error?.description.hasPrefix(reason) == true, "\(String(describing: error))")
  }

  @Test func namesLeadNowhere() {
    for name in ["", "..", "a/b", "A", "a b", "a.S", String(repeating: "a", count: 65)] {
      #expect(!SpecimenDescription.isName(name))
    }
    #expect(SpecimenDescription.isName("nmi-leaving-2"))
  }
}
