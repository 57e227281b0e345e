/// A question or claim of the mail: what it says, the runs that settle it, and how their results decide.
import Findings

protocol ThreadQuestion: Sendable {
  /// The question, as it is answered.
  var title: String { get }
  var author: String { get }
  /// A few words of the mail.
  var words: String { get }
  var commands: [String] { get }
  /// The designs without whose runs it stays open.
  var designs: [String] { get }
  func judge(_ runs: ThreadRuns) -> Judgement
}

/// An answer, and what it rests on.
struct Judgement {
  var outcome: ThreadOutcome
  var answer: String
  var evidence: [ThreadTable] = []
}

extension ThreadReport {
  /// Every question of the mail, in its order.
  static let questions: [any ThreadQuestion] = [
    InvalidRSP(), NormalKernelStack(), EnterLater(), DoubleStep(), MaskEvents(), EnableLater(), SlowPath(),
    WhereToHook(),
    OpportunisticSYSRET(), InSyscall(), HooksGo(), IRQTracing(),
  ]

  /// What each kernel's system call costs where a hypervisor's own bytes run below it, and no question.
  public init(costsOf runs: ThreadRuns) {
    self.init(
      designs: runs.designs.map(\.title), kernels: runs.others.map(\.title), answers: [],
      costs: runs.hypervisorCostTable())
  }

  public init(_ runs: ThreadRuns) {
    let answers = Self.questions.map { question in
      let missing = question.designs.filter { name in runs.cells(of: name).isEmpty }
      let judgement =
        missing.isEmpty
        ? question.judge(runs)
        : Judgement(
          outcome: .open, answer: "It needs the design \(missing.joined(separator: ", ")), which did not run.")
      return ThreadAnswer(
        title: question.title, author: question.author, words: question.words, commands: question.commands,
        outcome: judgement.outcome, answer: judgement.answer, evidence: judgement.evidence)
    }
    self.init(
      designs: runs.designs.map(\.title), kernels: runs.others.map(\.title), answers: answers, costs: runs.costTable())
  }
}
