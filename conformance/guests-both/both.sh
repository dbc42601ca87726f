# A Linux shell starts Windows programs of its prefix.
export GREETING="from Linux"
cd /work
echo hello | /win.exe say one "two three" 'quo"te' '' | tr a-z A-Z
/win.exe say < /dev/null > /work/out; echo "code $?"
wc -l < /work/out
(exec /win.exe say again </dev/null) | head -1
PATH=/:$PATH
win.exe say found </dev/null | sed -n 1p
echo "--- Windows starts Linux"
/win.exe start
