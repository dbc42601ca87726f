# Processes, signals, files and sorting of Perl.
use strict; use warnings; use IO::Socket::INET; use POSIX ":sys_wait_h"; use File::Temp qw(tempdir); use File::Find;
my $dir = tempdir(CLEANUP => 1);
for my $i (1 .. 50) { open(my $f, '>', "$dir/f$i") or die; print $f "line $_\n" for 1 .. $i; close $f; }
my $total = 0; find(sub { $total += -s $_ if -f $_ }, $dir); print "bytes $total\n";
print "ls ", scalar(grep { /f\d/ } `ls $dir`), "\n";
my %children; for my $i (1 .. 5) { my $pid = fork(); if (!$pid) { exit $i } $children{$pid} = $i; }
my $sum = 0; while ((my $pid = wait()) > 0) { $sum += $? >> 8 if $children{$pid}; } print "exit codes $sum\n";
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select(undef, undef, undef, 5); }; print "got $@";
my $pid = open(my $pipe, '-|', 'sh', '-c', 'cat /proc/self/comm; exit 3') or die; print "from pipe: ", <$pipe>; close $pipe; print "status ", $? >> 8, "\n";
my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die; my $port = $server->sockport;
if (!fork()) { my $c = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die; print $c "hello\n"; print STDOUT "answer: ", scalar <$c>; exit 0; }
my $peer = $server->accept; my $line = <$peer>; print $peer uc $line; close $peer; wait;
my @sorted = sort { $a <=> $b } map { ($_ * 7919) % 1000 } 1 .. 200; print "@sorted[0..4]\n";
(my $text = "The quick brown fox") =~ s/(\w+)/\u\L$1/g; print "$text\n";
print "uid matches ", ($< == (stat $dir)[4] ? 1 : 0), "\n"; symlink("f1", "$dir/l"); print readlink("$dir/l"), "\n";
system("kill -9 \$\$"); print "killed ", $? & 127, "\n"; print "missing ", system("/no/such") == -1 ? "yes" : "no", "\n";
