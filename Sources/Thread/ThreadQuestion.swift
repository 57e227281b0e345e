/// A question or claim of the mail: what it says, the runs that settle it, and how their results decide.
import Findings
import Foundation

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

  /// Those that have an answer of Xen's own bytes' where these run below the kernels.
  static let throughHypervisor: [any ThreadQuestion] = [InvalidRSPThroughXen()]

  /// What was asked of the hypervisor's own bytes.
  public init(throughHypervisor runs: ThreadRuns) {
    self.init(runs, Self.throughHypervisor, costs: runs.hypervisorCostTable())
  }

  public init(_ runs: ThreadRuns) { self.init(runs, Self.questions, costs: runs.costTable()) }

  private init(_ runs: ThreadRuns, _ questions: [any ThreadQuestion], costs: ThreadTable) {
    let answers = questions.map { question in
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
      designs: runs.designs.map(\.title), kernels: runs.others.map(\.title),
      hypervisor: runs.hypervisor.map { URL(filePath: $0.path).lastPathComponent }, answers: answers, costs: costs)
  }
}
