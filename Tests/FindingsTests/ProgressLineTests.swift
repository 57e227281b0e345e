/// Goal: the line says how far a check is, and what is left if the rest costs what the part that is done did. The figures are worked out by
/// hand.
import Findings
import Reports
import Testing

@Suite struct ProgressLineTests {
  private func advance(_ boundary: Int, section: Int = 1, of sections: Int, finished: Int = 0, wanted: Int)
    -> CheckStage
  {
    .exploring(
      CheckAdvance(
        title: "intel nmi/normal", section: section, sections: sections, finished: finished, wanted: wanted,
        boundary: boundary, boundaries: 200, paths: 7))
  }

  @Test func oneSection() {
    var line = ProgressLine()
    let plain = "intel nmi/normal, boundary"
    #expect(line.text(of: advance(0, of: 1, wanted: 1), at: .seconds(100)) == "\(plain) 0 of 200, 7 paths")
    // Too young to say anything.
    #expect(line.text(of: advance(10, of: 1, wanted: 1), at: .milliseconds(100_900)) == "\(plain) 10 of 200, 7 paths")
    // A quarter took 10 s.
    #expect(line.text(of: advance(50, of: 1, wanted: 1), at: .seconds(110)) == "30 s left: \(plain) 50 of 200, 7 paths")
    // One part in a hundred took 12 s: 1188 s are left.
    #expect(line.text(of: advance(2, of: 1, wanted: 1), at: .seconds(112)) == "20 min left: \(plain) 2 of 200, 7 paths")
    // One in 200 took 100 s: 19900 s.
    #expect(line.text(of: advance(1, of: 1, wanted: 1), at: .seconds(200)) == "6 h left: \(plain) 1 of 200, 7 paths")
    #expect(
      line.text(of: advance(200, of: 1, wanted: 1), at: .seconds(210)) == "0 s left: \(plain) 200 of 200, 7 paths")
  }

  /// Of 10 sections 6 were known: they cost nothing, and say nothing of the others.
  @Test func severalSections() {
    var line = ProgressLine()
    _ = line.text(of: advance(0, section: 7, of: 10, wanted: 4), at: .zero)
    _ = line.text(of: advance(0, section: 8, of: 10, finished: 1, wanted: 4), at: .seconds(20))
    #expect(
      line.text(of: advance(100, section: 8, of: 10, finished: 1, wanted: 4), at: .seconds(30))
        == "50 s left: intel nmi/normal (8 of 10, 10 s left), boundary 100 of 200, 7 paths")
  }

  @Test func aBoot() {
    var line = ProgressLine()
    #expect(
      line.text(of: .booting(machine: "amd", instructions: 3_999_999), at: .seconds(9))
        == "booting (amd): 3 million instructions")
    // A section that has no boundaries is none that is done.
    let empty = CheckAdvance(
      title: "t", section: 1, sections: 1, finished: 0, wanted: 0, boundary: 0, boundaries: 0, paths: 0)
    #expect(line.text(of: .exploring(empty), at: .seconds(99)) == "t, boundary 0 of 0, 0 paths")
  }
}
