/// Goal: the line says how far a check is, and what is left if the rest costs what the part that is done did. The figures are worked out by
/// hand.
import Findings
import Reports
import Testing

@Suite struct ProgressLineTests {
  @Test func aLineAMinuteWhereThereIsNoTerminal() {
    var turns = ProgressTurns.lineByLine
    let seconds = stride(from: 0.0, through: 300, by: 0.5).filter { turns.take(at: .seconds($0)) }
    #expect(seconds == [60, 120, 180, 240, 300])
    var late = ProgressTurns.lineByLine
    #expect(late.take(at: .seconds(95)) && !late.take(at: .seconds(154)) && late.take(at: .seconds(155)))
    var redrawn = ProgressTurns.redrawn
    let moments = (0...10).filter { redrawn.take(at: .milliseconds($0 * 50)) }
    #expect(moments == [0, 2, 4, 6, 8, 10])
  }

  private func advance(_ boundary: Int, section: Int = 1, of sections: Int, finished: Int = 0, wanted: Int)
    -> CheckStage
  {
    .exploring(
      CheckAdvance(
        title: "intel nmi/normal", section: section, sections: sections, finished: finished, wanted: wanted,
        boundary: boundary, boundaries: 200, paths: 7))
  }

  private func rest(_ steps: (boundary: Int, at: Double)...) -> String? {
    var line = ProgressLine()
    var text = ""
    for step in steps { text = line.text(of: advance(step.boundary, of: 1, wanted: 1), at: .seconds(step.at)) }
    let plain = "intel nmi/normal, boundary \(steps.last!.boundary) of 200, 7 paths"
    #expect(text.hasSuffix(plain))
    return text == plain ? nil : String(text.dropLast(plain.count))
  }

  @Test func oneSection() {
    #expect(rest((0, 100)) == nil)
    // Too young to say anything.
    #expect(rest((0, 100), (10, 100.9)) == nil)
    // A quarter took 10 s.
    #expect(rest((0, 100), (50, 110)) == "30 s left: ")
    // One part in a hundred took 12 s: 1188 s are left. One in 200 took 100 s: 19900 s.
    #expect(rest((0, 100), (2, 112)) == "20 min left: ")
    #expect(rest((0, 100), (1, 200)) == "6 h left: ")
    #expect(rest((0, 100), (1, 100 + 1e6)) == "years left: ")
    #expect(rest((0, 100), (200, 110)) == "0 s left: ")
    // The first 20 boundaries took 60 s, the 20 after them 2 s: 160 more take 16 s.
    #expect(rest((0, 0), (20, 60), (30, 61), (40, 62)) == "16 s left: ")
    // Half of what is done, or more, is looked at, and never less.
    #expect(rest((0, 0), (20, 60), (40, 62), (79, 62)) == "5 s left: ")
    // One that hears late counts from there.
    #expect(rest((100, 0), (150, 5)) == "5 s left: ")
    #expect(rest((100, 0), (100, 5)) == nil)
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
