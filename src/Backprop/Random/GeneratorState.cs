using System.Buffers.Binary;
using static System.FormattableString;

namespace Backprop;

/// <summary>
/// A generator's state as bytes, in the layout of <c>torch.get_rng_state()</c>, little-endian: the seed; how many draws are left until
/// the next twist, and 1 for "seeded" (4 bytes each); the next word's index; 624 words in 8 bytes each; three doubles, of which the
/// second is the normal value kept; whether there is one (4 bytes), and 12 bytes that PyTorch no longer uses.
/// </summary>
internal readonly record struct GeneratorState(long Seed, MersenneTwister Engine, double? Normal)
{
    private const int Size = 5056, LeftAt = 8, SeededAt = 12, NextAt = 16, WordsAt = 24, NormalAt = WordsAt + 8 * MersenneTwister.Size + 8, HasNormalAt = NormalAt + 16;

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Seed);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(LeftAt), Left(Engine.Position));
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(SeededAt), 1);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(NextAt), Engine.Position);
        for (int i = 0; i < MersenneTwister.Size; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(WordsAt + 8 * i), Engine.Words[i]);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(NormalAt), Normal ?? 0);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(HasNormalAt), Normal is null ? 0 : 1);
        return bytes;
    }

    public static GeneratorState FromBytes(ReadOnlySpan<byte> state)
    {
        if (state.Length != Size)
            throw new ArgumentException($"A generator's state has {Size} bytes, but this one has {state.Length}.", nameof(state));

        int left = BinaryPrimitives.ReadInt32LittleEndian(state[LeftAt..]), seeded = BinaryPrimitives.ReadInt32LittleEndian(state[SeededAt..]);
        long next = BinaryPrimitives.ReadInt64LittleEndian(state[NextAt..]);
        if (seeded != 1 || next is < 0 or > MersenneTwister.Size || left != Left((int)next))
            throw Invalid(Invariant($"next is {next}, left {left}, seeded {seeded}"));

        Span<uint> words = stackalloc uint[MersenneTwister.Size];
        for (int i = 0; i < words.Length; i++)
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(state[(WordsAt + 8 * i)..]);
            if (word > uint.MaxValue) throw Invalid($"word {i} is {word}, more than 32 bits");
            words[i] = (uint)word;
        }
        if (!words.ContainsAnyExcept(0u)) throw Invalid("all words are 0");

        double normal = BinaryPrimitives.ReadDoubleLittleEndian(state[NormalAt..]);
        int hasNormal = BinaryPrimitives.ReadInt32LittleEndian(state[HasNormalAt..]);
        if (hasNormal is not (0 or 1) || !double.IsFinite(normal)) throw Invalid(Invariant($"the normal value kept is {normal}, its flag {hasNormal}"));

        return new(BinaryPrimitives.ReadInt64LittleEndian(state), new(words, (int)next), hasNormal == 1 ? normal : null);

        static ArgumentException Invalid(string found) => new($"These bytes are no generator's state: {found}.", nameof(state));
    }

    // A new engine twists at once.
    private static int Left(int next) => next == 0 ? 1 : MersenneTwister.Size + 1 - next;
}
