/// Goal: what a crossing writes on its own stacks is known to be dead in user mode, on whichever page tables it begins. Linux
/// Documentation/arch/x86/pti.rst: the user's have the entry stack and not the task's.
import Execution
import Explorer
import Findings
import Machine
import Search
import Testing

@Suite struct DeadWordsTests {
  @Test(arguments: [CrossingKind.syscall64, .int80]) func theTasksStackIsAmongThem(crossing: CrossingKind) throws {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", profiles: [.intel], crossings: [crossing], events: [])
    let task = try #require(checker.tasks.first)
    let machine = try checker.snapshot(task.machine).ready(warn: checker.warn)
    let answer = try checker.section(task, on: machine, edits: [], log: PathLog(), withEvents: false)
    let dead = try #require(answer.log?.dead)
    let own = answer.baseline.filter { $0.state.isKernel && $0.ownership.isEmpty }
    let users = try #require(answer.baseline.first).state.cr3
    #expect(
      own.count > 100 && own.allSatisfy { $0.state.cr3 != users }, "the kernel has no page tables of its own here")
    let alive = own.filter { boundary in
      let place = machine.computer.processor.physicalAddress(
        of: boundary.state.rsp &- 8, tables: boundary.state.cr3)
      return place.map { !dead.contains($0 >> 3) } ?? true
    }
    #expect(
      alive.isEmpty, "\(alive.count) of \(own.count), the first at \(machine.location(alive.first?.state.rip ?? 0))")
  }
}
