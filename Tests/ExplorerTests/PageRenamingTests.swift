/// Goal: addresses of two machines' kernels agree where one page stands for another everywhere, and for no other; and nothing else does that
/// differs.
import Explorer
import Testing

@Suite struct PageRenamingTests {
  @Test func pagesStandForEachOther() {
    var pages = PageRenaming()
    func agree(_ a: UInt64, _ b: UInt64) -> Bool { pages.agree(a, b) }
    #expect(agree(0xFFFF_8880_0100_0F58, 0xFFFF_8880_0200_0F58))
    #expect(agree(0xFFFF_8880_0100_0010, 0xFFFF_8880_0200_0010))
    // Another place of the page, another page for one that has its own, and one that is another's already.
    #expect(!agree(0xFFFF_8880_0100_0010, 0xFFFF_8880_0200_0018))
    #expect(!agree(0xFFFF_8880_0100_0010, 0xFFFF_8880_0300_0010))
    #expect(!agree(0xFFFF_8880_0400_0010, 0xFFFF_8880_0200_0010))
    // Once taken apart they stay so.
    #expect(agree(0xFFFF_8880_0400_0010, 0xFFFF_8880_0300_0010))
  }

  @Test func onlyTheKernels() {
    var pages = PageRenaming()
    func agree(_ a: UInt64, _ b: UInt64) -> Bool { pages.agree(a, b) }
    for (a, b) in [(0x1000, 0x2000), (0x246, 0x1246), (0, 0xFFFF_8880_0000_0000)] as [(UInt64, UInt64)] {
      #expect(!agree(a, b))
    }
  }
}
