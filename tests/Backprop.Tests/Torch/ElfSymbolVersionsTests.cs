using Backprop.Torch;
using CsCheck;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>On the library that TorchSharp brings, of which every test changes a copy in memory.</summary>
public class ElfSymbolVersionsTests
{
    private const string Version = "GLIBCXX_3.4.32", Symbol = "_ZSt21ios_base_library_initv";

    [Fact]
    public void Weakening_sets_one_bit_and_the_second_time_none()
    {
        byte[] original = Library(), image = [.. original];

        ElfSymbolVersions.Weaken(image, Version, Symbol).Should().BeTrue();

        int changed = original.AsSpan().CommonPrefixLength(image);
        (original[changed] ^ image[changed]).Should().Be(0x02, "this is VER_FLG_WEAK");
        image.AsSpan((changed + 1)..).SequenceEqual(original.AsSpan((changed + 1)..)).Should().BeTrue("nothing else changes");

        byte[] once = [.. image];
        ElfSymbolVersions.Weaken(image, Version, Symbol).Should().BeFalse();
        image.AsSpan().SequenceEqual(once).Should().BeTrue();
    }

    [Fact]
    public void The_bit_belongs_to_the_version_by_the_hash_beside_it()
    {
        byte[] original = Library(), image = [.. original];
        ElfSymbolVersions.Weaken(image, Version, Symbol);
        int flags = original.AsSpan().CommonPrefixLength(image);

        // Elf64_Vernaux: vna_hash (4 bytes), vna_flags (2), ...; the hash is the System V ABI's.
        uint hash = 0;
        foreach (char c in Version)
        {
            hash = (hash << 4) + c;
            hash = (hash ^ ((hash & 0xf0000000) >> 24)) & 0x0fffffff;
        }
        BitConverter.ToUInt32(image, flags - 4).Should().Be(hash);
    }

    [Fact]
    public void A_version_that_is_not_needed_is_nothing_to_do()
    {
        byte[] original = Library(), image = [.. original];

        ElfSymbolVersions.Weaken(image, "GLIBCXX_9.9.9", Symbol).Should().BeFalse();

        image.AsSpan().SequenceEqual(original).Should().BeTrue();
    }

    [Theory]
    [InlineData(Version, "another_symbol", Symbol)]         // the symbol is not the one that may be missing
    [InlineData("GLIBCXX_3.4.21", Symbol, "_ZN")]           // the version brings many symbols
    public void A_version_whose_symbols_are_used_stays(string version, string unusedSymbol, string named)
    {
        byte[] original = Library(), image = [.. original];

        Action weaken = () => ElfSymbolVersions.Weaken(image, version, unusedSymbol);

        weaken.Should().Throw<NotSupportedException>().WithMessage($"*{named}*{version}*{unusedSymbol}*");
        image.AsSpan().SequenceEqual(original).Should().BeTrue();
    }

    [Fact]
    public void A_symbol_whose_version_is_hidden_counts_as_well()
    {
        byte[] image = Library();
        int sections = (int)BitConverter.ToUInt64(image, 0x28);
        int section = Enumerable.Range(0, BitConverter.ToUInt16(image, 0x3c)).Select(i => sections + (64 * i))
            .Single(at => BitConverter.ToUInt32(image, at + 4) == 0x6fffffff);
        int start = (int)BitConverter.ToUInt64(image, section + 24), size = (int)BitConverter.ToUInt64(image, section + 32);
        for (int high = start + 1; high < start + size; high += 2)
            image[high] |= 0x80;

        Action weaken = () => ElfSymbolVersions.Weaken(image, Version, "another_symbol");

        weaken.Should().Throw<NotSupportedException>();
    }

    [Fact]
    public void What_is_not_64_bit_little_endian_ELF_is_refused()
    {
        byte[] thirtyTwoBit = Library(), bigEndian = Library();
        thirtyTwoBit[4] = 1;
        bigEndian[5] = 2;
        foreach (byte[] image in new[] { [], "MZ"u8.ToArray(), new byte[4096], "\u007fELF"u8.ToArray(), thirtyTwoBit, bigEndian })
        {
            Action weaken = () => ElfSymbolVersions.Weaken(image, Version, Symbol);
            weaken.Should().Throw<BadImageFormatException>().WithMessage("Not a 64-bit little-endian ELF file.");
        }
    }

    [Fact]
    public void A_truncated_file_is_refused_wherever_it_ends()
    {
        byte[] image = Library();
        // Every length around the header, then steps; the table of sections is the last thing in the file.
        IEnumerable<int> lengths = Enumerable.Range(0, 200).Concat(Enumerable.Range(1, 200).Select(i => (int)((long)image.Length * i / 201)));
        foreach (int length in lengths)
        {
            Action weaken = () => ElfSymbolVersions.Weaken(image.AsSpan(0, length), Version, Symbol);
            weaken.Should().Throw<BadImageFormatException>();
        }
    }

    [Fact]
    public void A_damaged_file_is_weakened_refused_or_left_but_never_crashes_or_hangs()
    {
        byte[] original = Library(), image = [.. original];
        ElfSymbolVersions.Weaken(image, Version, Symbol);
        int needs = original.AsSpan().CommonPrefixLength(image);
        original.CopyTo(image, 0);
        int sections = (int)BitConverter.ToUInt64(original, 0x28), sectionsEnd = sections + (64 * BitConverter.ToUInt16(original, 0x3c));

        Gen<int> offset = Gen.OneOf(Gen.Int[6, 63], Gen.Int[sections, sectionsEnd - 1], Gen.Int[needs - 0x150, needs + 0x100]);
        Gen<byte> value = Gen.OneOf(Gen.Byte, Gen.Const((byte)0), Gen.Const((byte)0x10), Gen.Const((byte)0xff));
        Gen.Select(offset, value).Array[1, 6].Sample(
            damage =>
            {
                foreach ((int at, byte with) in damage)
                    image[at] = with;
                try
                {
                    ElfSymbolVersions.Weaken(image, Version, Symbol);
                    return true;
                }
                catch (Exception e) when (e is BadImageFormatException or NotSupportedException)
                {
                    return true;
                }
                finally
                {
                    foreach ((int at, _) in damage)
                        image[at] = original[at];
                    image[needs] = original[needs];
                }
            },
            iter: 10_000, threads: 1);
    }

    [Fact]
    public void Lists_that_run_into_each_other_are_refused_and_not_walked_a_billion_times()
    {
        const int Entries = 200_000, Start = 64 + (2 * 64), Names = Start + (16 * Entries);
        byte[] image = new byte[Names + 64];
        "\u007fELF\u0002\u0001"u8.CopyTo(image);
        Write(0x28, 64);                            // e_shoff
        Write(0x3c, 2);                             // e_shnum
        Write(64 + 4, 0x6ffffffe);                  // the first section: versions needed
        Write(64 + 24, Start);
        Write(64 + 32, Names - Start);
        Write(64 + 40, 1);                          // its names: the second section
        Write(64 + 44, Entries);
        Write(128 + 24, Names);
        Write(128 + 32, 64);
        for (int entry = Start; entry < Names; entry += 16)
        {
            Write(entry, 0xffff0001);               // as Elf64_Verneed: 65,535 versions
            Write(entry + 8, 16);                   // which begin with the next entry; as Elf64_Vernaux: some name
            Write(entry + 12, 16);                  // and the next library is the next entry, too
        }

        Action weaken = () => ElfSymbolVersions.Weaken(image, Version, Symbol);

        weaken.Should().Throw<BadImageFormatException>().WithMessage("*has no end.");

        void Write(int offset, uint value) => BitConverter.TryWriteBytes(image.AsSpan(offset), value);
    }

    private static byte[] Library()
    {
        string file = Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so");
        Assert.SkipUnless(File.Exists(file), "The library is part of TorchSharp for Linux only.");
        return File.ReadAllBytes(file);
    }
}
