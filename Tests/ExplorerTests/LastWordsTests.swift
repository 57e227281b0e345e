/// Goal: what a kernel says when it gives up is repeated whole, with the time and the speaker that Linux puts before it taken away and
/// nothing else.
import Invariants
import Testing

@Suite struct LastWordsTests {
  @Test(arguments: [
    // kernel/printk/printk.c, print_time and print_caller: "[%5lu.%06lu]", then "[%*s]" and a space.
    ("[    1.234567] Kernel panic - not syncing: x\n", "Kernel panic - not syncing: x"),
    ("[12345.678901][    T1] BUG: y\r\n", "BUG: y"), ("[    0.000000][   C0] Oops: 0002 [#1]\n", "Oops: 0002 [#1]"),
    // No time: nothing goes.
    ("Kernel panic - not syncing: x\n", "Kernel panic - not syncing: x"), ("PANIC: at entry.S\n", "PANIC: at entry.S"),
    ("[here] BUG: z\n", "[here] BUG: z"), ("[  BUG: no end\n", "[  BUG: no end"),
    // Of several lines the one that gives up.
    (
      "[    1.0] fine\n[    1.1] general protection fault, 0000 [#1]\n[    1.2] CPU: 0\n",
      "general protection fault, 0000 [#1]"
    ),
  ])
  func areRepeated(console: String, words: String) {
    #expect(NoKernelDeath.lastLine(of: [UInt8](console.utf8)[...]) == words)
  }

  @Test func othersAreNone() {
    for text in ["", "\n", "[    1.0] all is well\n", "bug: no\n"] {
      #expect(NoKernelDeath.lastLine(of: [UInt8](text.utf8)[...]) == nil)
    }
  }
}
