/// Goal: what a monitor of stacks says of an RSP, by the tops that it knows: at 0x3000 a stack begins, at 0x2000 the one beneath. SDM vol. 1,
/// "Procedure Calls, Interrupts, and Exceptions": a stack grows down from its top.
import Findings
import Invariants
import Testing

@Suite struct StackBoundedTests {
  /// What is said at the end of a run that came back; nil for nothing.
  private func said(_ run: (Monitors) -> Void) -> InvariantName? {
    let monitors = Monitors(stackTops: [0x2000, 0x3000])
    run(monitors)
    return monitors.blame(Outcome(end: .user))?.invariant
  }

  @Test func rspMayUseAStackToItsLastWord() {
    #expect(
      said {
        $0.stand(at: 0x3000)
        $0.move(to: 0x2008, step: 1, rip: 0)
        $0.move(to: 0x2000, step: 2, rip: 0)
      } == nil)
  }

  @Test func rspMayNotMoveOntoTheStackBeneath() {
    #expect(
      said {
        $0.stand(at: 0x2FD8)
        $0.move(to: 0x1FF8, step: 1, rip: 0)
      } == "stack-bounded")
  }

  @Test func rspMayBeLoadedWithItsTop() {
    #expect(
      said {
        $0.stand(at: 0x3000)
        $0.stand(at: 0x2000)
        $0.move(to: 0x1F00, step: 1, rip: 0)
      } == nil)
  }

  @Test func aFrameMayNotLieAcrossATop() {
    #expect(said { $0.takeFrame(at: 0x2000 - 40, step: 1, rip: 0) } == nil)
    #expect(said { $0.takeFrame(at: 0x2000 - 32, step: 1, rip: 0) } == "stack-bounded")
    #expect(said { $0.takeFrame(at: 0x2000, step: 1, rip: 0) } == nil)
  }

  /// A return to what an event interrupted does not mean that anybody had been on that stack before.
  @Test func aStackIsEnteredByALoadAndNotByAReturn() {
    let monitors = Monitors(stackTops: [0x2000, 0x3000])
    monitors.stand(at: 0x1FD8, isReturn: true)
    #expect(monitors.untouchedStacks == [0x2000, 0x3000])
    monitors.stand(at: 0x1FD8)
    #expect(monitors.untouchedStacks == [0x3000])
    monitors.find(changed: 0x2FF8, of: 0x3000, rip: 0)
    #expect(monitors.blame(Outcome(end: .user))?.invariant == "stack-bounded")
  }

  /// What goes on from where more stacks were entered is looked at less: the other way round it may be said to be known.
  @Test func fewerEnteredStacksAreNoKnownPlace() {
    let (one, other) = (Monitors(stackTops: [0x2000, 0x3000]), Monitors(stackTops: [0x2000, 0x3000]))
    one.stand(at: 0x3000)
    other.stand(at: 0x3000)
    #expect(one.goOn(as: other))
    one.stand(at: 0x2000)
    one.stand(at: 0x3000)
    #expect(one.goOn(as: other) && !other.goOn(as: one))
  }

  /// What was seen behind a fork is not seen before it: a run that goes back has not been there.
  @Test func monitorsGoBackToTheirFork() {
    let monitors = Monitors(stackTops: [0x2000, 0x3000])
    monitors.stand(at: 0x3000)
    let fork = monitors.fork()
    monitors.move(to: 0x1FF8, step: 1, rip: 0)
    #expect(monitors.blame(Outcome(end: .user)) != nil && fork.blame(Outcome(end: .user)) == nil)
    #expect(monitors.lastBreak(Outcome(end: .user)) == 1 && fork.lastBreak(Outcome(end: .user)) == nil)
    monitors.restore(fork)
    monitors.stand(at: 0x2000)
    #expect(monitors.blame(Outcome(end: .user)) == nil && fork.untouchedStacks == [0x2000])
  }
}
