using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>
/// The 32-bit Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998): 624 words, twisted together, then tempered one by one.
/// MathNet has the same engine, but hides its draws of 32 bits and its state.
/// </summary>
internal sealed class MersenneTwister
{
    public const int Size = 624;
    private const int Shift = 397;

    private readonly uint[] _words = new uint[Size], _draws = new uint[Size];

    public MersenneTwister(uint seed) => Seed(seed);

    /// <summary>An engine that continues after <paramref name="position"/> draws from <paramref name="words"/>; 0 twists them first.</summary>
    public MersenneTwister(ReadOnlySpan<uint> words, int position)
    {
        words.CopyTo(_words);
        Position = position;
        Temper();
    }

    public ReadOnlySpan<uint> Words => _words;

    /// <summary>How many of the words have been drawn, 0 before the first twist.</summary>
    public int Position { get; private set; }

    /// <summary>Goes on as another would from here.</summary>
    public void Become(MersenneTwister other)
    {
        other._words.CopyTo(_words, 0);
        other._draws.CopyTo(_draws, 0);
        Position = other.Position;
    }

    /// <summary>Starts from a seed of 32 bits, as <c>init_genrand</c> does.</summary>
    public void Seed(uint seed)
    {
        _words[0] = seed;
        for (int i = 1; i < Size; i++)
            _words[i] = unchecked(1812433253u * (_words[i - 1] ^ (_words[i - 1] >> 30)) + (uint)i);
        Position = 0;
    }

    /// <summary>Starts from a seed of up to 624 words, as <c>init_by_array</c> of Matsumoto and Nishimura's mt19937ar (2002) does: no two seeds give the same numbers.</summary>
    public void Seed(ReadOnlySpan<uint> seed)
    {
        unchecked
        {
            Seed(19650218u);
            int i = 1;
            for (int k = 0; k < Size; k++)
            {
                int j = k % seed.Length;
                _words[i] = (_words[i] ^ ((_words[i - 1] ^ (_words[i - 1] >> 30)) * 1664525u)) + seed[j] + (uint)j;
                Advance(ref i);
            }

            for (int k = 1; k < Size; k++)
            {
                _words[i] = (_words[i] ^ ((_words[i - 1] ^ (_words[i - 1] >> 30)) * 1566083941u)) - (uint)i;
                Advance(ref i);
            }

            _words[0] = 0x80000000u;
        }

        void Advance(ref int i)
        {
            if (++i < Size) return;
            _words[0] = _words[Size - 1];
            i = 1;
        }
    }

    public uint Next32()
    {
        unchecked
        {
            if (Position is 0 or Size) Twist();
            return _draws[Position++];
        }
    }

    public ulong Next64()
    {
        ulong high = Next32();
        return high << 32 | Next32();
    }

    // s[i] = s[i + 397] ^ twisted(s[i], s[i + 1]), all indices modulo 624.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Twist()
    {
        Twist(0, Size - Shift, Shift);
        Twist(Size - Shift, Size - 1, Shift - Size);
        _words[Size - 1] = _words[Shift - 1] ^ Twisted(_words[Size - 1], _words[0]);
        Temper();
        Position = 0;
    }

    // A vector is far shorter than either shift, so a whole one can be computed before it is stored.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Twist(int from, int to, int shift)
    {
        unchecked
        {
            var s = _words;
            int i = from;
            for (; i <= to - Vector<uint>.Count; i += Vector<uint>.Count)
            {
                var y = (new Vector<uint>(s, i) & new Vector<uint>(0x80000000)) | (new Vector<uint>(s, i + 1) & new Vector<uint>(0x7fffffff));
                var odd = Vector.Equals(y & Vector<uint>.One, Vector<uint>.One);
                (new Vector<uint>(s, i + shift) ^ (y >>> 1) ^ (odd & new Vector<uint>(0x9908b0df))).CopyTo(s, i);
            }
            for (; i < to; i++)
                s[i] = s[i + shift] ^ Twisted(s[i], s[i + 1]);
        }
    }

    private static uint Twisted(uint high, uint low)
    {
        unchecked
        {
            uint y = (high & 0x80000000) | (low & 0x7fffffff);
            return (y >> 1) ^ ((y & 1) * 0x9908b0df);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Temper()
    {
        unchecked
        {
            for (int i = 0; i < Size; i += Vector<uint>.Count)
            {
                var y = new Vector<uint>(_words, i);
                y ^= y >>> 11;
                y ^= (y << 7) & new Vector<uint>(0x9d2c5680);
                y ^= (y << 15) & new Vector<uint>(0xefc60000);
                (y ^ (y >>> 18)).CopyTo(_draws, i);
            }
        }
    }
}
